import StreamIO

/// The memory that one planning may take, counted before it is taken.
///
/// A plan has `allowance` of the 64 MiB beside the budget, and what it takes beyond that is the budget's. While a merge
/// is planned the budget is not in use, so that planning may take all of it.
struct PlanMemory {
    /// Bytes that a plan has beside the budget.
    static let allowance: UInt64 = 32 << 20

    /// In bytes; `UInt64.max` where nobody limits it.
    private let limit: UInt64
    /// Bytes that are taken.
    private(set) var taken: UInt64 = 0
    /// Bytes that would have to be taken, as far as is known: what was refused is part of it.
    private(set) var wanted: UInt64 = 0
    /// Tensors of what was refused.
    private(set) var tensors = 0
    /// The line of the config where the memory did not do; `nil` where it did.
    private(set) var line: Int?

    /// - Parameter budget: the merge's, in bytes; `nil` for any.
    init(budget: UInt64?) {
        let (sum, isOver) = (budget ?? .max).addingReportingOverflow(Self.allowance)
        limit = isOver ? .max : sum
    }

    /// Bytes that may still be taken.
    var room: UInt64 { limit - taken }

    /// Takes what there is known to be room for, or takes note of what there is none for.
    mutating func take(_ bytes: UInt64, tensors: Int, line: Int) {
        wanted += bytes
        if bytes <= room, self.line == nil {
            taken += bytes
        } else {
            self.tensors += tensors
            self.line = self.line ?? line
        }
    }

    /// What is wrong where the memory did not do, with the budget that would, for what was seen until now.
    var problem: Problem? {
        guard let line else { return nil }
        return Problem(
            line: line,
            "planning takes \(ByteCount.wholeMebibytes(for: wanted)) of memory, and there are "
                + "\(ByteCount.wholeMebibytes(for: limit)) for it: "
                + (tensors == 0 ? "the vocabularies are too large" : "\(tensors) tensors are too many"),
            remedy: "use --memory \(ByteCount.wholeMebibytes(for: wanted - min(wanted, Self.allowance)))")
    }
}
