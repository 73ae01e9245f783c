/// Which rows of the models' tensors the rows of a tensor with a vocabulary axis are made of, for one model of a merge.
///
/// One number of 4 bytes a row, and for each row that is a mean 4 bytes a row of it more.
struct VocabularyRows: Hashable, Sendable {
    /// A row of a model's tensor.
    struct Place: Hashable, Sendable {
        /// Among the models of the plan.
        var model: Int
        var row: Int
    }

    /// What a run of rows is taken from.
    enum Source: Hashable, Sendable {
        /// Consecutive rows of a model's tensor, from one on; `model` is an index among the models of the plan.
        case rows(model: Int, first: Int)
        case zero
        /// One row: the sum of rows of models in float32, in order, from +0, divided by their number.
        case mean([Place])
        /// The mean of this map's own rows before it (all of them, Double, in order), which ends the map. Each row of the run
        /// is the same.
        case padding
    }

    /// Rows that follow each other and come from the same source.
    struct Run: Hashable, Sendable {
        var start: Int
        var count: Int
        var source: Source

        /// The first row after it.
        var end: Int { start + count }
    }

    /// Rows of one map, and of a model's tensor, at most; the largest vocabularies have 2^18.
    static let rowLimit = 1 << rowBits
    private static let rowBits: UInt32 = 22
    /// In place of a model's index: what is no row of one model.
    private static let mean: UInt32 = 1 << 9, zero = mean + 1, padding = mean + 2

    /// A row's model and row there, or one of the above and, for a mean, its place among `meanEnds`.
    private var codes: [UInt32] = []
    /// Where each mean's rows end among `meanRows`.
    private var meanEnds: [UInt32] = []
    private var meanRows: [UInt32] = []

    /// A map without rows.
    init() {}

    /// - Parameter runs: ascending, without gaps; those that go on as the one before become one.
    init(runs: [Run]) {
        for run in runs {
            precondition(run.start == rowCount, "a map has no gaps")
            append(run.source, count: run.count)
        }
    }

    /// A model's tensor as it is.
    static func identity(model: Int, count: Int) -> Self {
        var rows = Self()
        rows.append(.rows(model: model, first: 0), count: count)
        return rows
    }

    /// How many rows the tensor has.
    var rowCount: Int { codes.count }

    /// What the map takes, in bytes.
    var memory: UInt64 { UInt64(4 * (codes.count + meanEnds.count + meanRows.count)) }

    /// All rows, as few runs as there can be.
    var runs: [Run] {
        var runs: [Run] = []
        var start = 0
        while start < rowCount {
            runs.append(run(at: start))
            start += runs[runs.count - 1].count
        }
        return runs
    }

    /// The first row, where all follow each other in one model's tensor.
    var stretchStart: Place? {
        guard rowCount > 0 else { return nil }
        let run = run(at: 0)
        guard run.count == rowCount, case .rows(let model, let first) = run.source else { return nil }
        return Place(model: model, row: first)
    }

    /// The rows from one on that follow each other in their source, up to `end`.
    func run(at start: Int, upTo end: Int = .max) -> Run {
        let code = codes[start]
        let slot = code >> Self.rowBits
        var next = start + 1
        if slot != Self.mean {
            let step: UInt32 = slot < Self.mean ? 1 : 0
            while next < min(end, codes.count), codes[next] == codes[next - 1] + step { next += 1 }
        }
        return Run(start: start, count: next - start, source: source(code))
    }

    private func source(_ code: UInt32) -> Source {
        let slot = code >> Self.rowBits, row = Int(code & UInt32(Self.rowLimit - 1))
        switch slot {
        case Self.mean:
            let start = row == 0 ? 0 : Int(meanEnds[row - 1])
            return .mean(meanRows[start..<Int(meanEnds[row])].map(Self.place))
        case Self.zero: return .zero
        case Self.padding: return .padding
        default: return .rows(model: Int(slot), first: row)
        }
    }

    /// Appends rows.
    mutating func append(_ source: Source, count: Int = 1) {
        precondition(count >= 0 && rowCount + count <= Self.rowLimit, "a map has no more rows than the limit")
        switch source {
        case .rows(let model, let first):
            precondition(first + count <= Self.rowLimit, "no tensor has more rows than the limit")
            let start = Self.code(Place(model: model, row: first))
            codes += (0..<UInt32(count)).lazy.map { start + $0 }
        case .zero: codes += repeatElement(Self.zero << Self.rowBits, count: count)
        case .mean(let places):
            precondition(count == 1 && !places.isEmpty, "a mean is one row, of one or more")
            codes.append(Self.mean << Self.rowBits | UInt32(meanEnds.count))
            meanRows += places.lazy.map(Self.code)
            meanEnds.append(UInt32(meanRows.count))
        case .padding: codes += repeatElement(Self.padding << Self.rowBits, count: count)
        }
    }

    private static func code(_ place: Place) -> UInt32 {
        precondition(place.model < Int(mean) && place.row < rowLimit, "models and rows are limited")
        return UInt32(place.model) << rowBits | UInt32(place.row)
    }

    private static func place(_ code: UInt32) -> Place {
        Place(model: Int(code >> rowBits), row: Int(code & UInt32(rowLimit - 1)))
    }

    /// The highest row that is taken of a model; -1 where none is.
    func lastRow(of model: Int) -> Int {
        var last = -1
        for code in codes + meanRows where code >> Self.rowBits == UInt32(model) {
            last = max(last, Int(code & UInt32(Self.rowLimit - 1)))
        }
        return last
    }

    /// The models whose tensors the rows are of, in order.
    var models: [Int] {
        var found: Set<Int> = []
        for code in codes where code >> Self.rowBits < Self.mean { found.insert(Int(code >> Self.rowBits)) }
        for code in meanRows { found.insert(Int(code >> Self.rowBits)) }
        return found.sorted()
    }

    /// The most rows that one is the mean of; 1 where none is one.
    var mostPlaces: Int {
        zip(meanEnds, [0] + meanEnds).reduce(1) { max($0, Int($1.0 - $1.1)) }
    }

    /// Whether this is a model's own tensor of so many rows as it is.
    func isIdentity(model: Int, count: Int) -> Bool {
        guard rowCount == count else { return false }
        guard count > 0 else { return true }
        return run(at: 0) == Run(start: 0, count: count, source: .rows(model: model, first: 0))
    }
}
