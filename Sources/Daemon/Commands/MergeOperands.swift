import ArgumentParser
import Della
import SystemPackage

/// What `merge` and `assemble` make of what: the same words of both name the same merge.
struct MergeOperands: ParsableArguments {
    @Argument(help: "The mergekit YAML.", completion: .file(extensions: ["yml", "yaml"]))
    var config: String

    @Argument(help: "The folder to create.", completion: .directory)
    var output: String

    @OptionGroup var models: ModelOptions
    @OptionGroup var merging: MergingOptions
    @OptionGroup var settings: SettingsOptions

    /// The folder to create.
    var folder: FilePath { FilePath(output) }

    func validate() throws {
        guard let last = folder.lastComponent, last.kind == .regular else {
            throw ValidationError("'\(output)' does not name a folder that can be created")
        }
    }

    /// The settings, with what the command line says before all else.
    func readSettings() throws -> DaemonSettings {
        try settings.readIfPermitted(merging.flags.merging(models.folders.flags) { own, _ in own })
    }
}
