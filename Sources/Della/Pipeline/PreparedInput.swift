/// An input that is more than a range of one file, with what its rows take beside what is read for each chunk.
struct PreparedInput {
    /// With what adapters add, and the scales of 8 bits.
    let rows: SourceRows
    /// The row that fills a vocabulary up to a multiple; empty where none does.
    let padding: [Float]
}
