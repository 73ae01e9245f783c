/// A row of a report's table: a tensor, or those of a kind in a layer.
struct ReportRow: Hashable, Sendable {
    var name: String
    /// `4096 × 14336`, or the number of tensors.
    var shape: String
    var figures: GroupFigures
}
