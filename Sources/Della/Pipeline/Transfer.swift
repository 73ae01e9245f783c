/// What a token of the engine stands for.
enum Transfer {
    case read(PendingRead)
    case write(BlockWork)
    case sync(SyncTarget)

    /// What a trace calls it.
    var kind: MergeTrace.TransferKind {
        switch self {
        case .read: .read
        case .write: .write
        case .sync: .sync
        }
    }
}
