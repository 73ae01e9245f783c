/// The workers' scratch memory: a stretch of the arena each.
struct WorkerScratch: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    /// Of one worker.
    let bytes: Int

    subscript(worker: Int) -> UnsafeMutableRawPointer { base + worker * bytes }
}
