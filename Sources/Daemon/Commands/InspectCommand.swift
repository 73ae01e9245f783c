import ArgumentParser
import Della
import StreamIO
import SystemPackage

/// `dellad inspect`: what models are, by their headers.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Says what models are, and what keeps them from being merged.",
        discussion: """
            Reads headers, configurations, tokenizers and cards; no weights. Several models come side by side, with what \
            stands against a merge with the first as its base.
            """
    )

    @Argument(help: "Models, as a config names them.", completion: .directory)
    var names: [String]

    @OptionGroup var models: ModelFolders
    @OptionGroup var settings: SettingsOptions

    @Flag(help: "Prints JSON.")
    var json = false

    func validate() throws {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw ValidationError("'\(name)' is named twice")
        }
    }

    func run() throws {
        let settings = try settings.readIfPermitted(models.flags)
        let planner = MergePlanner(library: ModelFolders.library(settings))
        let names = names
        let session = ForegroundWork<ModelInspection> { (_, stop) throws(CommandFailure) in
            let inspection = ModelInspection(names, by: planner, isStopped: { stop.isRequested })
            if stop.isRequested { throw CommandFailure("interrupted", .interrupted) }
            return inspection
        }
        let inspection = try session.perform()
        try StandardStream.print(
            json
                ? inspection.json.serialized(indentedBy: 2) + "\n"
                : inspection.text(width: StandardStream.output.width))
        guard inspection.unopened.isEmpty else {
            throw CommandFailure(MergeProblems(fileName: "inspect", problems: inspection.unopened))
        }
    }
}
