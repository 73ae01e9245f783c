import StreamIO

/// What bounds the memory of this process, in bytes; `nil` where nothing does or the kernel does not say.
struct MemoryFacts: Hashable, Sendable {
    /// The tightest limit of the control groups.
    var groupLimit: UInt64?
    /// What the fullest control group leaves free.
    var groupFree: UInt64?
    /// What the host leaves free.
    var hostFree: UInt64?
    /// All that the host has.
    var hostTotal: UInt64?

    /// The default budget where memory is plentiful.
    static let defaultBudget: UInt64 = 1 << 30
    /// Left to the rest of the control group and the host by default.
    static let reserve: UInt64 = 256 << 20
    /// What a merge may take beyond its budget.
    static let overhead: UInt64 = 64 << 20

    /// The budget of a merge: `asked`, or by default 1 GiB, or what control group and host leave free less
    /// 256 MiB where that is smaller. Refused, with both figures, where it cannot fit the control group.
    func budget(asked: UInt64?) throws(CommandFailure) -> UInt64 {
        guard let asked else { return try defaultBudget() }
        if let groupLimit, asked > groupLimit - min(groupLimit, Self.overhead) {
            let most = groupLimit - min(groupLimit, Self.overhead)
            throw CommandFailure(
                "--memory \(ByteCount(asked)) does not fit: a merge takes up to \(ByteCount(Self.overhead)) more, and the "
                    + "memory control group allows \(ByteCount.wholeMebibytes(within: groupLimit)) "
                    + (most > 0
                        ? "(ask for \(ByteCount.wholeMebibytes(within: most)) or less, or raise its limit)"
                        : "(raise its limit)"),
                .badConfiguration)
        }
        return asked
    }

    /// What to say of a budget that was asked for and that the host does not have; it may never be used up.
    func warning(asked: UInt64?) -> String? {
        guard let asked, let hostTotal, asked > hostTotal else { return nil }
        return
            "a budget of \(ByteCount(asked)) is more than the host's memory, \(ByteCount.wholeMebibytes(within: hostTotal)) "
            + "(name a smaller one with --memory: a large merge would be swapped out, or killed)"
    }

    private func defaultBudget() throws(CommandFailure) -> UInt64 {
        guard let free = [groupFree, hostFree].compactMap({ $0 }).min() else { return Self.defaultBudget }
        guard free > Self.reserve else {
            let owner = free == groupFree ? "memory control group" : "host"
            throw CommandFailure(
                "the \(owner) leaves \(ByteCount.wholeMebibytes(within: free)) free, and \(ByteCount(Self.reserve)) of that are not for merging by "
                    + "default (name a budget with --memory, or free some memory)", .badConfiguration)
        }
        // Whole mebibytes read better, and nothing depends on the rest.
        return min(Self.defaultBudget, max(1 << 20, (free - Self.reserve) & ~0xFFFFF))
    }
}
