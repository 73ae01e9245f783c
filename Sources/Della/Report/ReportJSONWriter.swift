import StreamIO

/// `report.json`, written as the tensors come: every figure in full precision, `null` for what is not finite, not known or
/// not there. docs/json.md describes it.
///
/// Write `header`, then each tensor's `piece`, then the `end`. Holds nothing of the tensors.
public struct ReportJSONWriter: Sendable {
    /// The version of the description.
    static let schema = 1

    private let merge: ReportedMerge
    private var isFirst = true

    /// A writer for a report of a merge.
    public init(_ merge: ReportedMerge) { self.merge = merge }

    /// What precedes the tensors.
    public var header: String {
        let members: [(String, JSON)] = [
            ("schema", .int(Self.schema)), ("title", .string(merge.title)),
            ("method", merge.method.map { .string($0) } ?? .null), ("reference", .string(merge.reference)),
            ("models", .array(merge.models.map { .string($0) })), ("config", .string(merge.config)),
            ("version", .string(merge.version)),
        ]
        let lines = members.map { "  \(JSON.string($0.0).serialized()): \($0.1.serialized()),\n" }
        return "{\n" + lines.joined() + "  \"tensors\": ["
    }

    /// The next tensor.
    public mutating func piece(_ tensor: ReportedTensor) -> String {
        defer { isFirst = false }
        return (isFirst ? "\n    " : ",\n    ") + json(tensor).serialized()
    }

    /// What follows the tensors: the whole of them, and what stands out.
    public func end(_ report: MergeReport) -> String {
        let findings = report.findings.map { finding in
            Self.object([("kind", .string(finding.kind.rawValue)), ("text", .string(finding.text))])
        }
        return (isFirst ? "],\n" : "\n  ],\n") + "  \"totals\": \(totals(report).serialized()),\n"
            + "  \"findings\": \(JSON.array(findings).serialized())\n}\n"
    }

    private func json(_ tensor: ReportedTensor) -> JSON {
        let statistics = tensor.statistics
        let pairs = statistics.inputs.indices.flatMap { i in
            statistics.inputs.indices.dropFirst(i + 1).map { j in JSON(statistics.cosine(i, j)) }
        }
        let inputs = statistics.inputs.indices.map {
            input(statistics, $0, $0 < tensor.parameters.count ? tensor.parameters[$0] : [])
        }
        let shown: [(String, JSON)] = [
            ("name", .string(tensor.name)), ("shape", .array(tensor.shape.map { .int($0) })),
            ("kind", .string(TensorKind(tensorNamed: tensor.name).rawValue)),
            ("layer", LayerPosition(tensor.name).map { .int($0.layer) } ?? .null),
            ("expert", TensorKind.expert(ofTensorNamed: tensor.name).map { .int($0) } ?? .null),
            ("elements", .int(statistics.elements)),
            ("reference_squares", .double(statistics.referenceSquares)),
            ("reference_norm", .double(statistics.referenceNorm)), ("inputs", .array(inputs)),
            ("products", .array(statistics.products.map { .double($0) })), ("cosines", .array(pairs)),
            ("conflicts", statistics.conflicts.map { .int($0) } ?? .null),
        ]
        return Self.object(
            shown
                + output(
                    squares: statistics.changeSquares, change: statistics.relativeChange,
                    changed: statistics.changed,
                    peak: statistics.outputPeak, nans: statistics.outputNaNs,
                    infinities: statistics.outputInfinities))
    }

    private func input(
        _ statistics: TensorStatistics, _ place: Int, _ parameters: [ReportedTensor.Parameter]
    ) -> JSON {
        let input = statistics.inputs[place]
        return Self.object([
            ("model", .int(input.model)), ("squares", .double(input.squares)),
            ("norm", .double(input.squares.squareRoot())), ("magnitudes", .double(input.magnitudes)),
            ("relative_difference", JSON(statistics.relativeDifference(place))), ("equal", .int(input.equal)),
            ("kept", input.kept.map { .int($0) } ?? .null), ("factor", JSON(input.factor)),
            ("parameters", Self.object(parameters.map { ($0.name, .double($0.value)) })),
        ])
    }

    private func totals(_ report: MergeReport) -> JSON {
        let whole = report.whole
        let models = whole.models.enumerated().filter { $0.element.tensors > 0 }
        let inputs = models.map { model, figures in
            Self.object([
                ("model", .int(model)), ("tensors", .int(figures.tensors)),
                ("elements", .int(figures.elements)),
                ("reference_squares", .double(figures.referenceSquares)),
                ("squares", .double(figures.squares)),
                ("norm", .double(figures.squares.squareRoot())), ("magnitudes", .double(figures.magnitudes)),
                ("relative_difference", JSON(figures.relativeDifference)), ("equal", .int(figures.equal)),
                ("kept", figures.keptOf > 0 ? .int(figures.kept) : .null), ("kept_of", .int(figures.keptOf)),
            ])
        }
        let pairs = models.flatMap { second in
            models.filter { $0.offset < second.offset }.map { first in
                Self.object([
                    ("first", .int(first.offset)), ("second", .int(second.offset)),
                    ("cosine", JSON(whole.cosine(first.offset, second.offset))),
                ])
            }
        }
        let shown: [(String, JSON)] = [
            ("tensors", .int(whole.tensors)), ("compared", .int(whole.compared)),
            ("differing", .int(whole.differing)),
            ("elements", .int(whole.elements)), ("reference_squares", .double(whole.referenceSquares)),
            ("reference_norm", .double(whole.referenceSquares.squareRoot())), ("inputs", .array(inputs)),
            ("pairs", .array(pairs)), ("conflicts", whole.conflictsOf > 0 ? .int(whole.conflicts) : .null),
            ("conflicts_of", .int(whole.conflictsOf)),
        ]
        return Self.object(
            shown
                + output(
                    squares: whole.changeSquares, change: whole.relativeChange, changed: whole.changed,
                    peak: whole.outputPeak, nans: whole.outputNaNs, infinities: whole.outputInfinities))
    }

    /// Figures of the output; of a comparison, `null`.
    private func output(
        squares: Double, change: Double?, changed: UInt64, peak: Float, nans: UInt64, infinities: UInt64
    ) -> [(String, JSON)] {
        let members: [(String, JSON)] = [
            ("change_squares", .double(squares)), ("relative_change", JSON(change)),
            ("changed", .int(changed)),
            ("peak", .double(Double(peak))), ("nans", .int(nans)), ("infinities", .int(infinities)),
        ]
        return merge.method == nil ? members.map { ($0.0, .null) } : members
    }

    private static func object(_ members: [(String, JSON)]) -> JSON { .object(JSONObject(members)) }
}

extension JSON {
    /// A finite number; `null` for what is none, and where there is none.
    fileprivate init(_ value: Double?) { self = value.map { .double($0) } ?? .null }
}
