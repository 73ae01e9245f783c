import StreamIO

/// One line of a merge's journal.
enum JournalRecord: Hashable, Sendable {
    /// What is being merged; the first record of a journal.
    case began(MergeIdentity)
    /// A run went on from what an earlier one had written.
    case resumed
    /// Output became durable.
    case written(WrittenRecord)
    /// All was written, and an audit found a difference: it is not to be published. What was found, in words.
    case auditFailed(String)
    /// All shards of a part were written, and audited where that was wanted.
    case built(BuiltParts)
    /// Every file of the partial folder is whole and synced: it may be published.
    case complete
}
