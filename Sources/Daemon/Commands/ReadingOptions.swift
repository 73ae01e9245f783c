import ArgumentParser
import Della
import StreamIO

/// What `serve`, `merge` and `compare` let the reading of models use.
struct ReadingOptions: ParsableArguments {
    @Option(
        name: .customLong("memory"),
        help: ArgumentHelp(
            "Bounds every buffer of a merge: a number with K, M, G or KB, MB, GB (default: 1G, or what the control group or the host leaves free less 256M).",
            valueName: "size"))
    var memory: ByteCount?

    @Option(
        help: ArgumentHelp(
            "Threads that compute (default: what the quota and the affinity allow).", valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp("auto, uring or posix (default: auto).", valueName: "engine"),
        completion: .list(IOEngineKind.allCases.map(\.rawValue)))
    var io: IOEngineKind?

    func validate() throws {
        if let threads, let problem = Setting.threads.problem(with: ["\(threads)"]) {
            throw ValidationError("--threads: \(problem)")
        }
        if let memory, memory.bytes == 0 { throw ValidationError("--memory must be more than 0") }
    }

    /// What the command line says of it.
    var flags: [Setting: [String]] {
        var flags: [Setting: [String]] = [:]
        flags[.memory] = memory.map { ["\($0.bytes)"] }
        flags[.threads] = threads.map { ["\($0)"] }
        flags[.engine] = io.map { [$0.rawValue] }
        return flags
    }
}
