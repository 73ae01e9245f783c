import StreamIO

/// How rows that go by token are read for a chunk: which stretches of files, to where in a slot, and what becomes of
/// them. The rows in the format computed in come first in the slot, what is read behind them.
///
/// A *unit* is what one token has: a row or, of a vector, an element.
struct StagedRows {
    /// A direct read: pages of a file, to pages of the slot.
    struct Read {
        var file: Int
        var offset: UInt64
        /// In the slot, in bytes.
        var start: Int
        /// Of the read, in bytes: whole pages.
        var byteCount: Int
        /// Bytes from its start without which the rows are not there.
        var needed: Int
    }

    /// Stored values in the slot.
    struct Stored {
        var type: ElementType
        /// In the slot, in bytes.
        var start: Int
        /// Whose they are, and from which unit of the model's tensor on.
        var model: Int
        var first: Int
    }

    /// Units that follow each other in the chunk.
    struct Piece {
        enum Content {
            case stored(Stored)
            case mean([Stored])
            case zero
            case padding
        }

        var unitCount: Int
        var content: Content
    }

    private(set) var reads: [Read] = []
    private(set) var pieces: [Piece] = []
    /// Elements of a unit.
    let unitLength: Int
    /// What all of it takes of the slot.
    private(set) var byteCount: Int
    private let keepsPieces: Bool

    /// Lays out the rows of a chunk.
    ///
    /// - Parameters:
    ///   - rows: of the output tensor.
    ///   - workRowBytes: of a row in the format computed in.
    init(_ sources: RowSources, _ rows: Range<Int>, of tensor: OutputTensor, workRowBytes: Int) {
        self.init(sources, rows, of: tensor, workRowBytes: workRowBytes, keepsPieces: true)
    }

    /// What the rows of a chunk take of a slot, in bytes.
    static func byteCount(
        _ sources: RowSources, _ rows: Range<Int>, of tensor: OutputTensor, workRowBytes: Int
    ) -> Int {
        Self(sources, rows, of: tensor, workRowBytes: workRowBytes, keepsPieces: false).byteCount
    }

    private init(
        _ sources: RowSources, _ rows: Range<Int>, of tensor: OutputTensor, workRowBytes: Int,
        keepsPieces: Bool
    ) {
        self.keepsPieces = keepsPieces
        let unitsPerRow = tensor.unitsPerRow
        unitLength = tensor.rowLength / unitsPerRow
        byteCount = (rows.count * workRowBytes).roundedUp(to: MergeLayout.pageSize)
        let units = rows.lowerBound * unitsPerRow..<rows.upperBound * unitsPerRow
        var whole: [Int: Stored] = [:]
        if unitsPerRow > 1 {
            // The elements of a vector lie close together: all of them are read.
            for (model, tensor) in sources.tensors.sorted(by: { $0.key < $1.key }) {
                whole[model] = read(tensor, 0..<Int(tensor.byteCount), model, 0)
            }
        }
        var unit = units.lowerBound
        while unit < units.upperBound {
            let run = sources.rows.run(at: unit, upTo: units.upperBound)
            switch run.source {
            case .rows(let model, let first):
                add(run.count, .stored(stored(sources, model, first, run.count, whole)))
            case .mean(let places):
                let found = places.map { stored(sources, $0.model, $0.row, 1, whole) }
                add(run.count, .mean(found))
            case .zero: add(run.count, .zero)
            case .padding: add(run.count, .padding)
            }
            unit += run.count
        }
    }

    private mutating func add(_ unitCount: Int, _ content: Piece.Content) {
        if keepsPieces { pieces.append(Piece(unitCount: unitCount, content: content)) }
    }

    private mutating func stored(
        _ sources: RowSources, _ model: Int, _ first: Int, _ count: Int, _ whole: [Int: Stored]
    ) -> Stored {
        let tensor = sources.tensor(model)
        let width = unitLength * (tensor.type.bitWidth / 8)
        if let whole = whole[model] {
            return Stored(
                type: tensor.type, start: whole.start + first * width, model: model, first: first)
        }
        return read(tensor, first * width..<(first + count) * width, model, first)
    }

    /// Books a read of bytes of a tensor.
    private mutating func read(
        _ tensor: InputTensor, _ range: Range<Int>, _ model: Int, _ first: Int
    ) -> Stored {
        let page = MergeLayout.pageSize
        let offset = tensor.offset + UInt64(range.lowerBound)
        let head = Int(offset % UInt64(page))
        let needed = head + range.count
        let start = byteCount
        byteCount += needed.roundedUp(to: page)
        if keepsPieces, !range.isEmpty {
            reads.append(
                Read(
                    file: tensor.file, offset: offset - UInt64(head), start: start,
                    byteCount: needed.roundedUp(to: page), needed: needed))
        }
        return Stored(type: tensor.type, start: start + head, model: model, first: first)
    }
}

extension StagedRows {
    /// What one row takes of a slot at most, in bytes, whichever it is.
    static func mostBytes(_ sources: RowSources, of tensor: OutputTensor, workRowBytes: Int) -> Int {
        let slack = 2 * MergeLayout.pageSize
        let length = tensor.rowLength / tensor.unitsPerRow
        let read =
            tensor.unitsPerRow > 1
            ? sources.tensors.values.reduce(0) { $0 + Int($1.byteCount) + slack }
            : sources.rows.mostPlaces * (8 * length + slack)
        return workRowBytes.roundedUp(to: MergeLayout.pageSize) + read
    }
}

extension OutputTensor {
    /// What a row holds of tokens, where one axis counts them: a vector has an element for each, any other tensor a row.
    var unitsPerRow: Int { shape.count == 1 ? max(1, rowLength) : 1 }
}
