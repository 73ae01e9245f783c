import ArgumentParser
import Della
import Glibc
import StreamIO
import SystemPackage

/// Where `merge` and `check` look for models.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A folder in which models are looked up by name; may be given again (default: \(DefaultPath.models)).",
            valueName: "dir"),
        completion: .directory)
    var models: [String] = []

    @Option(help: ArgumentHelp("Selects the random numbers; beats the config's.", valueName: "n"))
    var seed: UInt64?

    @Flag(help: "Merges models of different architectures, if all their tensors fit, with a warning.")
    var allowCrimes = false

    /// A person at the command line may name any path, relative ones from where they are.
    func planner(threads: Int) -> MergePlanner {
        let folders = models.isEmpty ? [DefaultPath.models] : models
        return MergePlanner(
            library: ModelLibrary(
                folders: folders.map { FilePath($0) }, workingDirectory: Self.workingDirectory,
                allowsAnyPath: true),
            seed: seed, threads: threads, allowsCrimes: allowCrimes)
    }

    private static var workingDirectory: FilePath {
        guard let text = getcwd(nil, 0) else { return "." }
        defer { free(text) }
        return FilePath(platformString: text)
    }
}
