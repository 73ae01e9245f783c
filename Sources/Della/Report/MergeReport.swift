/// What a merge did to the weights, or how models differ that are compared: made tensor by tensor, shown as a page, as a
/// picture and in a few lines.
///
/// Holds sums of groups of tensors: for each layer and kind (`ReportLayers.bandLimit` bands of 15 kinds) of `slotLimit`
/// models, for each expert (`TensorKind.expertLimit`), for the whole of `modelLimit` models with their pairs, and single tensors
/// up to `rowLimit`. Nothing else of it grows with the number of tensors.
public struct MergeReport: Sendable {
    /// Models in pictures and in the table; of further ones only the whole is shown.
    static let slotLimit = 12
    /// Models in all. What further ones have is in `report.json`.
    static let modelLimit = 256
    /// Rows of the table. Where there are more tensors, it has a row for each kind in a layer.
    static let rowLimit = 5000
    /// Parameters that are shown.
    static let parameterLimit = 12
    /// Tensors with NaN or infinities that are named.
    static let nonfiniteLimit = 3

    /// What is reported of.
    public let merge: ReportedMerge
    /// All tensors together, models by their index.
    private(set) var whole = GroupFigures()
    private(set) var layers = ReportLayers()
    /// Tensors outside of the layers.
    private(set) var outside = ReportBand(stack: 0, layer: 0)
    /// The models that pictures show, in the order that they were met in.
    private(set) var slots: [Int] = []
    /// In the order that they were met in.
    private(set) var parameterNames: [String] = []
    /// By the expert's number, all layers together; `nil` where there is none.
    private(set) var experts: [GroupFigures?] = []
    /// `nil` once there are more tensors than rows.
    private(set) var tensorRows: [ReportRow]? = []
    /// The first tensors with NaN or infinities.
    private(set) var nonfiniteNames: [String] = []
    private(set) var nonfiniteTensors = 0

    /// A report without tensors yet.
    public init(_ merge: ReportedMerge) { self.merge = merge }

    /// Adds a tensor, the next in the order of the output.
    public mutating func add(_ tensor: ReportedTensor) {
        let statistics = tensor.statistics
        for input in statistics.inputs where slots.count < Self.slotLimit && !slots.contains(input.model) {
            slots.append(input.model)
        }
        for values in tensor.parameters {
            for value in values
            where parameterNames.count < Self.parameterLimit && !parameterNames.contains(value.name) {
                parameterNames.append(value.name)
            }
        }
        let slots = self.slots, names = parameterNames
        let slot: (Int) -> Int? = { slots.firstIndex(of: $0) }
        let parameter: (String) -> Int? = { names.firstIndex(of: $0) }
        whole.add(statistics, withPairs: true) { $0 < Self.modelLimit ? $0 : nil }
        let kind = TensorKind(tensorNamed: tensor.name)
        let isInLayer = layers.withBand(of: tensor.name) {
            $0.add(tensor, kind, slot: slot, parameter: parameter)
        }
        if !isInLayer { outside.add(tensor, kind, slot: slot, parameter: parameter) }
        if let expert = TensorKind.expert(ofTensorNamed: tensor.name) {
            while experts.count <= expert { experts.append(nil) }
            var figures = experts[expert] ?? GroupFigures()
            figures.add(statistics, withPairs: false, slot: slot)
            experts[expert] = figures
        }
        if statistics.outputNaNs > 0 || statistics.outputInfinities > 0 {
            nonfiniteTensors += 1
            if nonfiniteNames.count < Self.nonfiniteLimit { nonfiniteNames.append(tensor.name) }
        }
        addRow(of: tensor, slot)
    }

    private mutating func addRow(of tensor: ReportedTensor, _ slot: (Int) -> Int?) {
        guard let count = tensorRows?.count else { return }
        guard count < Self.rowLimit else {
            tensorRows = nil
            return
        }
        var figures = GroupFigures()
        figures.add(tensor.statistics, withPairs: tensor.statistics.inputs.count == 2, slot: slot)
        let shape = tensor.shape.map { "\($0)" }.joined(separator: " × ")
        tensorRows?.append(ReportRow(name: tensor.name, shape: shape, figures: figures))
    }

    // MARK: What is shown

    /// Whether there is an output to speak of.
    var isMerge: Bool { merge.method != nil }

    /// Whether nothing was held against anything: every tensor is one model's, as in a frankenmerge.
    var isOfSingleModels: Bool { isMerge && whole.tensors > 0 && whole.compared == 0 }

    /// A model's name, for a person.
    func modelName(_ model: Int) -> String {
        model < merge.models.count ? merge.models[model].printable(atMost: 96) : "model \(model)"
    }

    /// The reference's name, for a person.
    var referenceName: String { merge.reference.printable(atMost: 96) }

    /// What pictures are drawn of: each model, then the output.
    var subjects: [ReportSubject] {
        slots.indices.map { .model($0) } + (isMerge ? [.output] : [])
    }

    /// The subject's name, for a person.
    func name(of subject: ReportSubject) -> String {
        switch subject {
        case .model(let slot): modelName(slots[slot])
        case .output: "the merge"
        }
    }

    /// The models that differences were taken of, the most different first; of equals the first.
    var modelsByDistance: [(model: Int, figures: ModelFigures)] {
        whole.models.enumerated().filter { $0.element.tensors > 0 }.map { ($0.offset, $0.element) }
            .sorted {
                let (left, right) = ($0.1.relativeDifference ?? 0, $1.1.relativeDifference ?? 0)
                return left != right ? left > right : $0.0 < $1.0
            }
    }

    /// Each kind in each band, then outside of the layers, with what it is called.
    var cells: [(label: String, kind: TensorKind, figures: GroupFigures)] {
        var cells: [(label: String, kind: TensorKind, figures: GroupFigures)] = []
        for band in layers.ordered {
            let place = layers.label(band)
            for kind in TensorKind.allCases {
                if let figures = band[kind] { cells.append(("\(kind.rawValue) of \(place)", kind, figures)) }
            }
        }
        for kind in TensorKind.allCases {
            guard let figures = outside[kind] else { continue }
            let isNamed = kind == .embedding || kind == .head
            cells.append((isNamed ? kind.rawValue : "\(kind.rawValue) outside of the layers", kind, figures))
        }
        return cells
    }

    /// The rows of the table.
    var rows: [ReportRow] {
        tensorRows
            ?? cells.map {
                ReportRow(
                    name: $0.label, shape: ReportText.counted($0.figures.tensors, "tensor"),
                    figures: $0.figures)
            }
    }

    /// What stands out, the gravest first.
    public var findings: [ReportFinding] { FindingRules(self).findings }
}
