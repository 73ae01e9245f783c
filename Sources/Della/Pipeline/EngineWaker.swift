import StreamIO

/// Lets other threads end an engine's wait: the one call of an engine that is theirs.
struct EngineWaker: @unchecked Sendable {
    private let engine: any IOEngine

    init(_ engine: any IOEngine) { self.engine = engine }

    func wake() { engine.wake() }
}
