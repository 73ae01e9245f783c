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
        let unitsPerRow = tensor.unitsPerRow
        unitLength = tensor.rowLength / unitsPerRow
        byteCount = (rows.count * workRowBytes).roundedUp(to: MergeLayout.pageSize)
        let units = rows.lowerBound * unitsPerRow..<rows.upperBound * unitsPerRow
        // The elements of a vector lie close together: all of them are read.
        let readsWhole = unitsPerRow > 1
        let models = sources.tensors.keys.sorted()
        var stretches: [Stretch] = []
        if readsWhole {
            for model in models {
                let tensor = sources.tensor(model)
                stretches.append(Stretch(tensor, 0..<Int(tensor.byteCount)))
            }
        } else {
            Self.forEachRun(sources, units) { run in
                switch run.source {
                case .rows(let model, let first):
                    stretches.append(stretch(sources, model, first..<first + run.count))
                case .mean(let places):
                    for place in places {
                        stretches.append(stretch(sources, place.model, place.row..<place.row + 1))
                    }
                case .zero, .padding: break
                }
            }
        }
        let starts = place(stretches, gap: rows.count > 1 && !readsWhole ? Self.gapLimit : 0)
        guard keepsPieces else { return }
        var next = 0
        func stored(_ model: Int, _ first: Int) -> Stored {
            let tensor = sources.tensor(model)
            guard readsWhole, let place = models.firstIndex(of: model) else {
                next += 1
                return Stored(type: tensor.type, start: starts[next - 1], model: model, first: first)
            }
            let start = starts[place] + first * unitLength * (tensor.type.bitWidth / 8)
            return Stored(type: tensor.type, start: start, model: model, first: first)
        }
        Self.forEachRun(sources, units) { run in
            let content: Piece.Content =
                switch run.source {
                case .rows(let model, let first): .stored(stored(model, first))
                case .mean(let places): .mean(places.map { stored($0.model, $0.row) })
                case .zero: .zero
                case .padding: .padding
                }
            pieces.append(Piece(unitCount: run.count, content: content))
        }
    }

    /// Bytes between two stretches of a file that are read along rather than having a read each: about what a request
    /// costs. A single row is read without them, so that what it takes is known.
    private static let gapLimit: UInt64 = 16 << 10

    /// Bytes of a file that are wanted.
    private struct Stretch {
        let file: Int
        let range: Range<UInt64>

        init(_ tensor: InputTensor, _ range: Range<Int>) {
            file = tensor.file
            self.range = tensor.offset + UInt64(range.lowerBound)..<tensor.offset + UInt64(range.upperBound)
        }
    }

    private static func forEachRun(
        _ sources: RowSources, _ units: Range<Int>, _ body: (VocabularyRows.Run) -> Void
    ) {
        var unit = units.lowerBound
        while unit < units.upperBound {
            let run = sources.rows.run(at: unit, upTo: units.upperBound)
            body(run)
            unit = run.end
        }
    }

    private func stretch(_ sources: RowSources, _ model: Int, _ units: Range<Int>) -> Stretch {
        let tensor = sources.tensor(model)
        let width = unitLength * (tensor.type.bitWidth / 8)
        return Stretch(tensor, units.lowerBound * width..<units.upperBound * width)
    }

    /// Books the reads of stretches: those close together in a file are one.
    ///
    /// - Returns: where each stretch begins in the slot, in bytes.
    private mutating func place(_ stretches: [Stretch], gap: UInt64) -> [Int] {
        let page = UInt64(MergeLayout.pageSize)
        var starts = Array(repeating: byteCount, count: stretches.count)
        let order = stretches.indices.filter { !stretches[$0].range.isEmpty }.sorted { first, second in
            let (first, second) = (stretches[first], stretches[second])
            return (first.file, first.range.lowerBound) < (second.file, second.range.lowerBound)
        }
        for index in order {
            let stretch = stretches[index]
            let offset = stretch.range.lowerBound / page * page
            var read = Read(file: stretch.file, offset: offset, start: byteCount, byteCount: 0, needed: 0)
            if let last = reads.last, last.file == stretch.file,
                offset <= last.offset + UInt64(last.byteCount) + gap
            {
                read = last
                reads.removeLast()
                byteCount -= read.byteCount
            }
            read.needed = max(read.needed, Int(stretch.range.upperBound - read.offset))
            read.byteCount = read.needed.roundedUp(to: MergeLayout.pageSize)
            byteCount += read.byteCount
            reads.append(read)
            starts[index] = read.start + Int(stretch.range.lowerBound - read.offset)
        }
        return starts
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
    var unitsPerRow: Int { isOneRow ? max(1, rowLength) : 1 }

    /// Whether the tokens of its only row have an element each.
    var isOneRow: Bool { shape.count == 1 || VocabularyAxis.isSecond(name: name, shape) }
}
