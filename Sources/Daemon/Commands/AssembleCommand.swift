import ArgumentParser
import Della

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

    @OptionGroup var operands: MergeOperands

    @Flag(help: "Waits for parts that are not done yet.")
    var wait = false

    func run() throws {
        let config = try ConfigFile(reading: operands.config)
        let settings = try operands.readSettings()
        let options = try MergeOptions(settings, on: Host())
        let planner = operands.models.planner(settings, options)
        try PartedWork(config, to: operands.folder, planner, options).assemble(waits: wait)
    }
}
