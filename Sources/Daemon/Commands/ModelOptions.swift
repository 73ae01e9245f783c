import ArgumentParser
import Della
import StreamIO

/// What `merge` and `check` plan with.
struct ModelOptions: ParsableArguments {
    @OptionGroup var folders: ModelFolders

    @Option(help: ArgumentHelp("Selects the random numbers; beats the config's.", valueName: "n"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "The most bytes of tensors in a file, as 5B or 5GB; beats the config's (default: 5GB).",
            valueName: "size"),
        transform: SynthCommand.shardSize)
    var shardSize: ByteCount?

    @Flag(help: "Merges models of different architectures, if all their tensors fit, with a warning.")
    var allowCrimes = false

    func planner(_ settings: DaemonSettings, _ options: MergeOptions) -> MergePlanner {
        var planner = MergePlanner(
            library: ModelFolders.library(settings), seed: seed, shardSize: settings.shardSize,
            threads: options.threads, memory: options.memory, allowsCrimes: allowCrimes)
        planner.forcedShardSize = shardSize?.bytes
        return planner
    }
}
