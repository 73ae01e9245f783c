import ArgumentParser
import StreamIO

/// How models are fetched.
struct FetchOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The command that fetches a model, in words that {model}, {revision}, {include} and {folder} are filled in (example: '\(FetchCommandLine.usual)').",
            valueName: "command"))
    var fetchCommand: String?

    @Option(
        help: ArgumentHelp(
            "How far the disk may be filled, 90%, or how much fetched models may take in all, 500G (default: 90%).",
            valueName: "space"))
    var fetchSpace: String?

    @Option(
        help: ArgumentHelp(
            "Removes fetched models that no job has used for this time: never, or digits and m, h, d or w (default: never).",
            valueName: "age"), completion: .list([Setting.never, "7d", "30d"]))
    var fetchKeep: String?

    func validate() throws {
        for (setting, value) in [
            (Setting.fetchCommand, fetchCommand), (.fetchSpace, fetchSpace), (.fetchKeep, fetchKeep),
        ] {
            if let value, let problem = setting.problem(with: [value]) {
                throw ValidationError("--\(setting.rawValue.replacing("_", with: "-")): \(problem)")
            }
        }
    }

    /// What the command line says of it.
    var flags: [Setting: [String]] {
        var flags: [Setting: [String]] = [:]
        flags[.fetchCommand] = fetchCommand.map { [$0] }
        flags[.fetchSpace] = fetchSpace.map { [$0] }
        flags[.fetchKeep] = fetchKeep.map { [$0] }
        return flags
    }
}
