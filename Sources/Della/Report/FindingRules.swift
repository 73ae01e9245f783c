import StreamIO

/// What makes a figure stand out.
struct FindingRules {
    /// A model whose ‖δ‖/‖b‖ is below hardly differs: a hundredth of a percent, a fortieth of what rounding to bfloat16 does.
    static let nearLimit = 1e-4
    /// A model whose ‖δ‖/‖b‖ is so many times another's.
    static let unevenLimit = 10.0
    /// Two models with such a cosine, and norms this near, are the same.
    static let sameCosine = 0.9999, sameRatio = 1.001
    /// Two models with such a cosine are nearly the same.
    static let alikeCosine = 0.95
    /// An embedding or head that moved so many times as far as the layers.
    static let outsideLimit = 3.0
    /// A tensor that moved so many times as far as its kind does in the layers around it.
    static let jumpLimit = 4.0
    /// Nor is one that moved less than this share of the whole's distance.
    static let jumpFloor = 0.1
    /// Layers on either side that a tensor is held against, and of these the fewest.
    static let neighbours = 4, leastNeighbours = 4
    /// Sentences of one sort.
    static let sentenceLimit = 5

    private let report: MergeReport
    private let bands: [ReportBand]
    private let reference: String

    /// The rules for a report.
    init(_ report: MergeReport) {
        self.report = report
        bands = report.layers.ordered
        reference = report.referenceName
    }

    /// What stands out, the gravest first.
    var findings: [ReportFinding] {
        let all: [(ReportFinding.Kind, [String])] = [
            (.nonfinite, nonfinite), (.sameAsReference, sameAsReference), (.nearReference, nearReference),
            (.sameModels, sameModels), (.unevenModels, unevenModels), (.untouchedLayers, untouchedLayers),
            (.outsideMoved, outsideMoved), (.scaleJump, layerJumps + expertJumps),
        ]
        return all.flatMap { kind, texts in
            texts.prefix(Self.sentenceLimit).map { ReportFinding(kind: kind, text: $0) }
                + (texts.count > Self.sentenceLimit
                    ? [
                        ReportFinding(
                            kind: kind, text: "\(texts.count - Self.sentenceLimit) more like these.")
                    ] : [])
        }
    }

    private var nonfinite: [String] {
        let (nans, infinities) = (report.whole.outputNaNs, report.whole.outputInfinities)
        guard report.isMerge, report.nonfiniteTensors > 0 else { return [] }
        let counts = [(nans, "NaN"), (infinities, "infinite")].filter { $0.0 > 0 }
            .map { "\(ReportText.count($0.0)) \($0.1)" }
        let names = report.nonfiniteNames.map { $0.printable(atMost: 120) }
        let more = report.nonfiniteTensors - names.count
        let list = ReportText.list(names + (more > 0 ? ["\(more) more"] : []))
        return ["The output has values that are no numbers: \(counts.joined(separator: ", ")), in \(list)."]
    }

    private var models: [(model: Int, figures: ModelFigures)] {
        report.whole.models.enumerated().filter { $0.element.tensors > 0 }.map { ($0.offset, $0.element) }
    }

    private var sameAsReference: [String] {
        models.filter { $0.figures.equalsReference }.map {
            "\(report.modelName($0.model)) is the same as \(reference), in every element."
        }
    }

    private var nearReference: [String] {
        models.compactMap { model, figures in
            guard !figures.equalsReference, let change = figures.relativeDifference, change < Self.nearLimit
            else {
                return nil
            }
            let equal = ReportText.share(figures.equal, of: figures.elements)
            return "\(report.modelName(model)) hardly differs from \(reference): its differences are "
                + "\(ReportText.percent(change)) of the reference's norm, and \(equal) of its elements are equal."
        }
    }

    private var sameModels: [String] {
        var texts: [String] = []
        for (place, second) in models.enumerated() {
            for first in models.prefix(place) {
                let pair = GroupFigures.pair(first.model, second.model)
                guard pair < report.whole.pairs.count else { continue }
                let figures = report.whole.pairs[pair]
                guard let cosine = figures.cosine, let ratio = figures.ratio, cosine >= Self.alikeCosine
                else {
                    continue
                }
                let names = "\(report.modelName(first.model)) and \(report.modelName(second.model))"
                if cosine >= Self.sameCosine, ratio <= Self.sameRatio {
                    texts.append("\(names) are the same: they differ from \(reference) in the same way.")
                } else {
                    let factor = ratio > 1.05 ? ", one \(ReportText.number(ratio)) times the other" : ""
                    texts.append(
                        "\(names) differ from \(reference) in nearly the same direction "
                            + "(cosine \(ReportText.number(cosine))\(factor)).")
                }
            }
        }
        return texts
    }

    private var unevenModels: [String] {
        let measured = report.modelsByDistance.filter { $0.figures.squares > 0 }
        guard let most = measured.first, let least = measured.last,
            let high = most.figures.relativeDifference, let low = least.figures.relativeDifference,
            low >= Self.nearLimit, high >= Self.unevenLimit * low
        else { return [] }
        return [
            "The differences of \(report.modelName(most.model)) are \(ReportText.number(high / low)) times as large as those "
                + "of \(report.modelName(least.model)) (\(ReportText.percent(high)) and \(ReportText.percent(low)))."
        ]
    }

    private var untouchedLayers: [String] {
        // Of models that are the reference altogether, there is another sentence.
        guard report.whole.differing > 0 else { return [] }
        let same = bands.filter { $0.all.compared > 0 && $0.all.differing == 0 }
        let left = bands.filter { $0.all.differing > 0 && $0.all.changed == 0 && report.isMerge }
        var texts: [String] = []
        if !same.isEmpty {
            texts.append("No model differs from \(reference) in \(report.layers.list(same)).")
        }
        if !left.isEmpty {
            texts.append(
                "The merge leaves \(report.layers.list(left)) as in \(reference), although models differ there."
            )
        }
        return texts
    }

    private var outsideMoved: [String] {
        var layers = GroupFigures()
        // Without norms, which are long and hardly move.
        for band in bands {
            for kind in TensorKind.allCases where kind != .norm {
                if let figures = band[kind] { layers.add(figures) }
            }
        }
        var texts: [String] = []
        for subject in report.subjects {
            guard let around = subject.relativeChange(layers) else { continue }
            for kind in [TensorKind.embedding, .head] {
                guard let figures = report.outside[kind], let change = subject.relativeChange(figures),
                    change >= Self.nearLimit, change >= Self.outsideLimit * around
                else { continue }
                let times =
                    around > 0
                    ? "\(ReportText.number(change / around)) times as far as the layers"
                    : "and the layers not at all"
                texts.append(
                    "\(kind.rawValue) of \(report.name(of: subject)) moved \(ReportText.percent(change)), \(times)."
                )
            }
        }
        return texts
    }
}

extension FindingRules {
    /// One figure that is far above those it is held against.
    private struct Jump {
        var text: String
        var ratio: Double
    }

    private var layerJumps: [String] {
        var jumps: [Jump] = []
        for subject in report.subjects {
            guard let whole = wholeChange(of: subject) else { continue }
            for kind in TensorKind.allCases {
                for stack in report.layers.stacks.indices {
                    let own = bands.filter { $0.stack == stack && $0[kind] != nil }
                    let values = own.map { $0[kind].flatMap(subject.relativeChange) }
                    for (place, value) in values.enumerated() {
                        guard let value, value >= Self.jumpFloor * whole,
                            let usual = Self.median(around: place, of: values),
                            value >= Self.jumpLimit * usual
                        else { continue }
                        let label = "\(kind.rawValue) of \(report.layers.label(own[place]))"
                        jumps.append(
                            Jump(
                                text: "\(label) of \(report.name(of: subject)) moved "
                                    + "\(ReportText.percent(value)), \(ReportText.number(value / usual)) times as "
                                    + "far as in the layers around it.",
                                ratio: value / usual))
                    }
                }
            }
        }
        return Self.sorted(jumps)
    }

    private var expertJumps: [String] {
        var jumps: [Jump] = []
        for subject in report.subjects {
            let values = report.experts.map { $0.flatMap(subject.relativeChange) }
            let found = values.compactMap { $0 }.sorted()
            guard found.count > Self.leastNeighbours, let whole = wholeChange(of: subject) else { continue }
            let usual = found[found.count / 2]
            for (expert, value) in values.enumerated() {
                guard let value, usual > 0, value >= Self.jumpFloor * whole, value >= Self.jumpLimit * usual
                else {
                    continue
                }
                jumps.append(
                    Jump(
                        text:
                            "Expert \(expert) of \(report.name(of: subject)) moved \(ReportText.percent(value)), "
                            + "\(ReportText.number(value / usual)) times as far as most experts.",
                        ratio: value / usual))
            }
        }
        return Self.sorted(jumps)
    }

    private func wholeChange(of subject: ReportSubject) -> Double? {
        switch subject {
        case .output: report.whole.relativeChange
        case .model(let slot): report.whole.relativeDifference(report.slots[slot])
        }
    }

    /// The largest first; of equals the first.
    private static func sorted(_ jumps: [Jump]) -> [String] {
        jumps.enumerated()
            .sorted {
                $0.element.ratio != $1.element.ratio
                    ? $0.element.ratio > $1.element.ratio : $0.offset < $1.offset
            }
            .map(\.element.text)
    }

    /// The median of the values around one that are not 0, without it; `nil` where there are too few.
    private static func median(around place: Int, of values: [Double?]) -> Double? {
        let range = max(0, place - neighbours)...min(values.count - 1, place + neighbours)
        let found = range.compactMap { $0 == place ? nil : values[$0] }.filter { $0 > 0 }.sorted()
        return found.count >= leastNeighbours ? found[found.count / 2] : nil
    }
}
