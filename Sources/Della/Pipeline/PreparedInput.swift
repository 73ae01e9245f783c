/// What the rows of an input take beside what is read for each chunk.
struct PreparedInput: Sendable {
    /// The row that fills a vocabulary up to a multiple, in the format computed in; empty where none does.
    var padding: [UInt8] = []
    /// What adapters add, by model.
    var factors: [Int: AdapterFactors] = [:]
    /// What the values of tensors of 8 bits are multiplied with, by model.
    var scales: [Int: DequantisationScales] = [:]
}
