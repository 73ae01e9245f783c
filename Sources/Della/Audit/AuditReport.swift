/// What an audit has looked at, and what it found.
public struct AuditReport: Hashable, Sendable {
    /// Selects the rows, with `share`.
    public var seed: UInt64
    /// The share of all rows that was drawn beside one row of every tensor: 0 to 1.
    public var share: Double
    /// Tensors looked at: all of them, unless there is a difference.
    public var tensors = 0
    /// Rows that were computed anew; of tensors that are copied, pieces of a few KiB.
    public var rows = 0
    /// Bytes of the output that were compared.
    public var bytes: UInt64 = 0
    /// Tensors of methods that there is no plain reference for: only that they are there was looked at.
    public var tensorsWithoutReference = 0
    /// Wall time.
    public var seconds: Double = 0
    /// What a reader should know of tensors that were not looked at; `nil` where all were.
    public var remark: String? {
        guard tensorsWithoutReference > 0 else { return nil }
        return
            "\(tensorsWithoutReference) of \(tensors) tensors are not audited: their method has no plain reference"
    }

    /// The first that is not as computed; `nil` where nothing differs.
    public var difference: AuditDifference?
}
