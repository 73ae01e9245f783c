import ArgumentParser
import Della

/// What `merge` and `check` plan with.
struct ModelOptions: ParsableArguments {
    @OptionGroup var folders: ModelFolders

    @Option(help: ArgumentHelp("Selects the random numbers; beats the config's.", valueName: "n"))
    var seed: UInt64?

    @Flag(help: "Merges models of different architectures, if all their tensors fit, with a warning.")
    var allowCrimes = false

    func planner(_ options: MergeOptions) -> MergePlanner {
        MergePlanner(
            library: folders.library, seed: seed, threads: options.threads, memory: options.memory,
            allowsCrimes: allowCrimes)
    }
}
