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

    /// Stored values in a slot.
    struct Stored {
        var type: ElementType
        /// Whose slot has them: the input's own, or that of one before it which reads them anyway.
        var input: Int
        /// In that slot, in bytes.
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
    ///   - earlier: what the inputs before this one read for the chunk, by input; of each in the order of files and offsets.
    ///     What one of them reads is not read again: models that lack a token have another's row for it.
    ///   - keepsPieces: whether more than what it takes is wanted.
    init(
        _ sources: RowSources, _ rows: Range<Int>, of tensor: OutputTensor, workRowBytes: Int,
        after earlier: [[Read]] = [], keepsPieces: Bool = true
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
        let places = place(
            stretches, after: earlier, gap: rows.count > 1 && !readsWhole ? Self.gapLimit : 0)
        guard keepsPieces else { return }
        var next = 0
        func stored(_ model: Int, _ first: Int) -> Stored {
            let type = sources.tensor(model).type
            var place: Place
            if readsWhole, let whole = models.firstIndex(of: model) {
                place = places[whole]
                place.start += first * unitLength * (type.bitWidth / 8)
            } else {
                place = places[next]
                next += 1
            }
            return Stored(type: type, input: place.input, start: place.start, model: model, first: first)
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

    /// What the rows of a chunk take of a slot at most, in bytes: where no other input reads any of them.
    static func byteCount(
        _ sources: RowSources, _ rows: Range<Int>, of tensor: OutputTensor, workRowBytes: Int
    ) -> Int {
        Self(sources, rows, of: tensor, workRowBytes: workRowBytes, keepsPieces: false).byteCount
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

    /// Where stored bytes are: in whose slot, and from which byte of it on.
    private typealias Place = (input: Int, start: Int)

    /// Books the reads of stretches that no earlier input reads: those close together in a file are one.
    ///
    /// - Returns: where each stretch begins.
    private mutating func place(_ stretches: [Stretch], after earlier: [[Read]], gap: UInt64) -> [Place] {
        let page = UInt64(MergeLayout.pageSize)
        var places = Array(repeating: Place(earlier.count, byteCount), count: stretches.count)
        let order = stretches.indices.filter { !stretches[$0].range.isEmpty }.sorted { first, second in
            let (first, second) = (stretches[first], stretches[second])
            return (first.file, first.range.lowerBound) < (second.file, second.range.lowerBound)
        }
        for index in order {
            let stretch = stretches[index]
            if let place = Self.place(of: stretch, in: earlier) {
                places[index] = place
                continue
            }
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
            places[index].start = read.start + Int(stretch.range.lowerBound - read.offset)
        }
        return places
    }

    /// Where an earlier input has all of a stretch.
    private static func place(of stretch: Stretch, in earlier: [[Read]]) -> Place? {
        for (input, reads) in earlier.enumerated() {
            // The last that begins at or before it.
            let next = reads.firstIndex(after: (stretch.file, stretch.range.lowerBound))
            guard next > 0 else { continue }
            let read = reads[next - 1]
            guard read.file == stretch.file, stretch.range.upperBound <= read.offset + UInt64(read.needed)
            else { continue }
            return (input, read.start + Int(stretch.range.lowerBound - read.offset))
        }
        return nil
    }
}

extension [StagedRows.Read] {
    /// The first of these, which are in order, that begins behind a place in a file.
    fileprivate func firstIndex(after place: (file: Int, offset: UInt64)) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if (self[middle].file, self[middle].offset) <= place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension StagedRows {
    /// Where in the slot the rows in the format computed in are, in bytes: where they were read to, if they are one stretch
    /// in that format as it is, which need not be moved then; else at its start.
    func startOfValues(computedAs format: FloatFormat?, _ sources: RowSources, input: Int) -> Int {
        guard pieces.count == 1, case .stored(let stored) = pieces[0].content, stored.input == input,
            stored.type == format?.elementType, !sources.alters(stored.model)
        else { return 0 }
        return stored.start
    }

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
