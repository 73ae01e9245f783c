import ArgumentParser
import Della
import StreamIO
import SystemPackage

/// `dellad assemble`: the parts of a merge, put together.
struct AssembleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assemble",
        abstract: "Puts the parts of a merge together that 'merge --part' has built, and publishes it.",
        discussion: """
            Checks that all parts are whole, writes what stands beside the weights, and gives the folder its name. \
            Reads no weights. Ends with 75 where parts are not done yet, and names them.
            """
    )

    @Argument(help: "The mergekit YAML.", completion: .file(extensions: ["yml", "yaml"]))
    var config: String

    @Argument(help: "The folder to create.", completion: .directory)
    var output: String

    @OptionGroup var models: ModelOptions
    @OptionGroup var merging: MergingOptions
    @OptionGroup var settings: SettingsOptions

    @Flag(help: "Waits for parts that are not done yet.")
    var wait = false

    func validate() throws { try MergeCommand.validate(output: output) }

    func run() throws {
        let config = try ConfigFile(reading: config)
        let settings = try settings.readIfPermitted(
            merging.flags.merging(models.folders.flags) { own, _ in own })
        let options = try MergeOptions(settings, on: Host())
        let planner = models.planner(settings, options)
        try PartedWork(config, to: FilePath(output), planner, options).assemble(waits: wait)
    }
}
