import StreamIO

/// Compares rows of one output tensor with what the plain reference makes of its inputs.
///
/// Takes, whatever the tensor, a stretch of `PlainTensor.pieceElements` of each input, and for a row that is ranked a
/// byte an element and term, and 8 bytes an element more where it is computed in float32.
struct TensorAudit {
    /// Bytes of a copied tensor that are looked at together.
    static let copiedUnit = 1 << 16

    let plan: MergePlan
    let files: PlainFiles
    let tensor: OutputTensor
    /// What the record has of the tensor.
    let recorded: TensorConstants?

    /// Rows as they are sampled: of a copied tensor pieces, of which the last may be shorter.
    var rowCount: Int {
        if case .copy = tensor.source {
            return (Int(tensor.byteCount) + Self.copiedUnit - 1) / Self.copiedUnit
        }
        return tensor.rowCount
    }

    /// Elements of a row as it is sampled.
    var rowLength: Int {
        if case .copy = tensor.source { return Self.copiedUnit }
        return tensor.rowLength
    }

    /// Looks at the tensor's rows.
    ///
    /// - Parameters:
    ///   - rows: which ones.
    ///   - isWhole: whether these are all, so that constants are computed as well.
    ///   - end: no further range is looked at from then on.
    ///   - report: takes the rows and bytes that were compared.
    /// - Returns: the first difference.
    func difference(
        in shard: borrowing AuditedShard, _ entry: AuditedShard.Entry, _ rows: AuditSample.Ranges,
        isWhole: Bool, until end: ContinuousClock.Instant?, into report: inout AuditReport
    ) throws(MergeFailure) -> AuditDifference? {
        var found: AuditDifference.Place?
        switch tensor.source {
        case .copy(let input):
            for row in rows.joined() where found == nil && !Self.isPast(end) {
                let offset = row * Self.copiedUnit
                let count = min(Self.copiedUnit, Int(tensor.byteCount) - offset)
                found = try copied(shard, entry, input, offset: offset, count: count)
                report.rows += 1
                report.bytes += UInt64(count)
            }
            files.forget(input)
        case .merge(let merge):
            guard let rule = merge.plainRule(of: tensor, seed: plan.seed) else {
                report.tensorsWithoutReference += 1
                return nil
            }
            found = try place(shard, entry, rule, merge, rows, isWhole: isWhole, until: end, into: &report)
            for input in merge.allInputs { files.forget(input) }
        }
        shard.forget(entry)
        return found.map { AuditDifference(tensor: tensor.name, file: shard.path, place: $0) }
    }

    /// The first difference in a tensor that is computed.
    private func place(
        _ shard: borrowing AuditedShard, _ entry: AuditedShard.Entry, _ rule: some PlainRule,
        _ merge: TensorMerge, _ rows: AuditSample.Ranges, isWhole: Bool,
        until end: ContinuousClock.Instant?, into report: inout AuditReport
    ) throws(MergeFailure) -> AuditDifference.Place? {
        let source = PlainTensor(tensor, inputs: merge.allInputs, format: merge.format, files: files)
        var found: AuditDifference.Place?
        guard let constants = try constants(rule, merge, source, isWhole: isWhole, &found) else {
            if found == nil { report.tensorsWithoutReference += 1 }
            return found
        }
        for row in rows.joined() where found == nil && !Self.isPast(end) {
            found = try computed(shard, entry, rule, source, row: row, constants)
            report.rows += 1
            report.bytes += UInt64(tensor.rowLength * (tensor.type.bitWidth / 8))
        }
        return found
    }

    private static func isPast(_ end: ContinuousClock.Instant?) -> Bool {
        end.map { ContinuousClock.now > $0 } ?? false
    }

    /// The constants of the record, which are computed anew where there are none or the whole tensor is read anyway;
    /// `nil` where they cannot be had, or are none of the rule's.
    private func constants(
        _ rule: some PlainRule, _ merge: TensorMerge, _ source: PlainTensor, isWhole: Bool,
        _ found: inout AuditDifference.Place?
    ) throws(MergeFailure) -> TensorConstants? {
        guard rule.needsConstants, tensor.rowCount > 0 else { return TensorConstants() }
        // A record may say anything.
        if let recorded, TensorConstants(recorded.words, of: merge) == nil {
            found = .layout(
                expected: "constants of another number",
                found: "\(recorded.words.count) constants in the record")
            return nil
        }
        if !isWhole, let recorded { return recorded }
        guard let constants = try rule.constants(of: source, recorded: recorded) else { return nil }
        guard let recorded else { return constants }
        if let word = constants.words.indices.first(where: {
            !Self.isSame(constants.words[$0], recorded.words[$0])
        }) {
            found = .constant(word, expected: constants.words[word], found: recorded.words[word])
        }
        return constants
    }

    /// Whether two words are one constant: one NaN is as good as another, and its sign goes by the order of operands.
    private static func isSame(_ word: UInt32, _ other: UInt32) -> Bool {
        word == other || Float(bitPattern: word).isNaN && Float(bitPattern: other).isNaN
    }

    private func copied(
        _ shard: borrowing AuditedShard, _ entry: AuditedShard.Entry, _ input: InputTensor, offset: Int,
        count: Int
    ) throws(MergeFailure) -> AuditDifference.Place? {
        let expected = try files.read(
            input.file, at: input.offset + UInt64(offset), count: count, tensor: tensor.name)
        let held = try shard.read(entry, from: UInt64(offset), count: count)
        guard held != expected else { return nil }
        guard let byte = zip(held, expected).enumerated().first(where: { $0.element.0 != $0.element.1 })
        else { return cutShort(held.count, of: count) }
        return .byte(
            offset + byte.offset, expected: expected[byte.offset], found: held[byte.offset])
    }

    private func computed<Rule: PlainRule>(
        _ shard: borrowing AuditedShard, _ entry: AuditedShard.Entry, _ rule: Rule, _ source: PlainTensor,
        row: Int, _ constants: TensorConstants
    ) throws(MergeFailure) -> AuditDifference.Place? {
        guard let format = FloatFormat(tensor.type) else { preconditionFailure("\(tensor.type) is computed") }
        let width = format.byteWidth
        let facts = try rule.facts(of: source, row: row, constants: constants)
        for range in source.stretches {
            let held = try shard.read(
                entry, from: source.element(row, range.lowerBound) * UInt64(width), count: range.count * width
            )
            guard held.count == range.count * width else {
                return cutShort(held.count, of: range.count * width)
            }
            let values = try rule.values(of: source, row: row, range, facts: facts, constants: constants)
            for (index, value) in values.enumerated() {
                let expected = PlainFormat.bits(value, format)
                let found = PlainFormat.word(held, index * width, width)
                if found != expected {
                    return .element(
                        row: row, column: range.lowerBound + index, expected: expected, found: found,
                        digits: 2 * width)
                }
            }
        }
        return nil
    }

    private func cutShort(_ held: Int, of count: Int) -> AuditDifference.Place {
        .layout(expected: "\(count) bytes more", found: "\(held) bytes before its end")
    }
}
