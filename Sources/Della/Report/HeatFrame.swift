/// Where the cells of a heat map lie: layers down, kinds of tensors across, embedding and head as rows of their own above and
/// below. The same for every model of a report.
struct HeatFrame: Sendable {
    /// One cell, and the tensors it stands for.
    struct Cell: Sendable {
        var x: Double
        var y: Double
        var width: Double
        var height: Double
        /// `down of layer 7`
        var label: String
        var figures: GroupFigures
    }

    /// A text beside or above the cells.
    struct Label: Sendable {
        var text: String
        var x: Double
        var y: Double
    }

    /// Kinds across.
    let columns: [TensorKind]
    private(set) var cells: [Cell] = []
    /// Beside the rows, aligned to their right ends.
    private(set) var rowLabels: [Label] = []
    /// Above the columns, turned.
    private(set) var columnLabels: [Label] = []
    /// Above a stack of layers, where there are several.
    private(set) var stackLabels: [Label] = []
    let width: Double
    private(set) var height: Double

    private static let left = 52.0, top = 66.0, column = 25.0

    /// The frame of a report's pictures.
    init(_ report: MergeReport) {
        let bands = report.layers.ordered
        let ends: [TensorKind] = [.embedding, .head]
        columns = TensorKind.allCases.filter { kind in
            bands.contains { $0[kind] != nil } || !ends.contains(kind) && report.outside[kind] != nil
        }
        let across = Double(max(columns.count, 1)) * Self.column
        width = max(Self.left + across + 26, 220)
        height = Self.top
        for (place, kind) in columns.enumerated() {
            columnLabels.append(
                Label(
                    text: kind.rawValue, x: Self.left + (Double(place) + 0.5) * Self.column, y: Self.top - 6))
        }
        addEnd(.embedding, of: report, across)
        addLayers(bands, of: report)
        addOutside(of: report)
        addEnd(.head, of: report, across)
        height += 6
    }

    /// The height of a layer.
    private static func rowHeight(_ count: Int) -> Double {
        switch count {
        case ...36: 15
        case ...64: 10
        case ...140: 6
        default: 3
        }
    }

    private mutating func addLayers(_ bands: [ReportBand], of report: MergeReport) {
        let row = Self.rowHeight(bands.count)
        let gap = row > 4 ? 1.0 : 0
        let every = [1, 2, 4, 5, 8, 10, 20, 40, 80, 160].first { Double($0) * row >= 12 } ?? 160
        for (stack, _) in report.layers.stacks.enumerated() {
            let own = bands.filter { $0.stack == stack }
            if report.layers.stacks.count > 1 {
                height += 14
                stackLabels.append(Label(text: report.layers.stackName(stack), x: 4, y: height - 3))
            }
            for (place, band) in own.enumerated() {
                if place % every == 0 {
                    rowLabels.append(
                        Label(
                            text: ReportLayers.text(band.layers), x: Self.left - 5, y: height + row / 2 + 3.5)
                    )
                }
                for (column, kind) in columns.enumerated() {
                    guard let figures = band[kind] else { continue }
                    cells.append(
                        Cell(
                            x: Self.left + Double(column) * Self.column, y: height, width: Self.column - 1,
                            height: row - gap, label: "\(kind.rawValue) of \(report.layers.label(band))",
                            figures: figures))
                }
                height += row
            }
        }
        height += 5
    }

    private mutating func addEnd(_ kind: TensorKind, of report: MergeReport, _ across: Double) {
        guard let figures = report.outside[kind] else { return }
        rowLabels.append(Label(text: kind.rawValue, x: Self.left - 5, y: height + 10.5))
        cells.append(
            Cell(
                x: Self.left, y: height, width: across - 1, height: 14, label: kind.rawValue, figures: figures
            ))
        height += 19
    }

    private mutating func addOutside(of report: MergeReport) {
        let kinds = columns.enumerated().filter {
            report.outside[$0.element] != nil && $0.element != .embedding && $0.element != .head
        }
        guard !kinds.isEmpty else { return }
        rowLabels.append(Label(text: "outside", x: Self.left - 5, y: height + 10.5))
        for (column, kind) in kinds {
            guard let figures = report.outside[kind] else { continue }
            cells.append(
                Cell(
                    x: Self.left + Double(column) * Self.column, y: height, width: Self.column - 1,
                    height: 14,
                    label: "\(kind.rawValue) outside of the layers", figures: figures))
        }
        height += 19
    }
}
