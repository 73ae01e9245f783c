/// What an audit asks and tells at each stretch that it reads: whether to go on, and that it does.
struct AuditWatch {
    let progress: MergeProgress
    let stop: StopRequest

    /// - Throws: `MergeFailure`, `stopped`, where a stop was asked for.
    func goOn() throws(MergeFailure) {
        progress.beat()
        if stop.isRequested { throw MergeFailure.stopped }
    }
}
