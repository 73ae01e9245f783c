/// Which elements of a term are kept, as the kernels are told.
enum TermChoice: Hashable, Sendable {
    case all
    case nothing
    /// Drawn by rank within a row.
    case ranked(PruneProbabilities)
    /// Element by element, whatever the row.
    case selected(SelectRows.Choice)

    /// - Parameter band: what the phases have found, of terms that are cut.
    init(_ term: DeltaTerm, rowLength: Int, band: KeyBand?) {
        guard term.isPruned else {
            self = term.isDropped ? .nothing : .all
            return
        }
        switch term.sparsifier {
        case .none: self = .all
        case .magprune(let density, let epsilon):
            // A row of one has no ranks.
            self =
                rowLength <= 1
                ? .selected(.drawn(density: density))
                : .ranked(PruneProbabilities(density: density, epsilon: epsilon, rowLength: rowLength))
        case .bernoulli(let density): self = .selected(.drawn(density: density))
        case .largest, .band: self = .selected(.between(band ?? .none))
        }
    }

    var isRanked: Bool { if case .ranked = self { true } else { false } }
}
