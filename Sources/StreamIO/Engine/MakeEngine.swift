/// Starts an engine for transfers between files and an arena.
///
/// - Parameters:
///   - kind: `auto` takes io_uring, or else posix and says why through `report`, once.
///   - queueDepth: the most transfers under way at once; 1 or more.
///   - arena: the memory of the buffers; outlives the engine.
///   - report: takes one line for the log.
/// - Throws: for `uring`, why the host has none, in words with a remedy; for all, lack of threads or descriptors.
public func makeEngine(
    _ kind: IOEngineKind, queueDepth: Int, arena: borrowing Arena, report: (String) -> Void
) throws(IOError) -> any IOEngine {
    switch kind {
    case .posix: return try PosixEngine(queueDepth: queueDepth)
    case .uring: return try UringEngine(queueDepth: queueDepth, arena: arena)
    case .auto:
        do throws(IOError) {
            return try UringEngine(queueDepth: queueDepth, arena: arena)
        } catch {
            report("\(error); reading with pread and pwrite instead")
            return try PosixEngine(queueDepth: queueDepth)
        }
    }
}
