/// The parameters of one model, or of the merge, by layer, as a report shows them: runs of layers with the same values
/// together.
struct ParameterChart: Sendable {
    /// A value a column; `nil` where it is not applied.
    typealias Values = [Double?]

    /// Layers, or the tensors outside of them, and the values that (some of) their tensors have.
    struct Row: Sendable {
        /// Output layers; `nil` for tensors outside of layers.
        var layers: ClosedRange<Int>?
        /// The tensors meant, without their layers; empty where it is all of them.
        var tensors: [String]
        var values: Values
    }

    /// The model's name; `nil` for parameters of the merge.
    var model: String?
    /// The parameters' names.
    var columnNames: [String]
    var rows: [Row]

    /// The tensors of one layer with the same values, by the numbers of their names without the layer.
    private typealias Group = (values: Values, names: [UInt32])

    /// The charts of a plan: one for each model that has parameters, in order, and one for numbers of the merge that
    /// are not the same for all tensors.
    static func charts(of plan: MergePlan) -> [ParameterChart] {
        var names: [Int?: [String]] = [:]
        var found: [Int?: [Int?: [Group]]] = [:]
        var numbers: [String: UInt32] = [:]
        var known: [String] = []
        for tensor in plan.tensors {
            guard case .merge(let merge) = tensor.source, !merge.inputs.isEmpty else { continue }
            let position = LayerPosition(tensor.name)
            let name = position.map { String($0.rest.dropFirst()) } ?? tensor.name
            let number = numbers[name] ?? UInt32(known.count)
            if number == known.count {
                numbers[name] = number
                known.append(name)
            }
            func note(_ model: Int?, _ values: [MergeRule.Value]) {
                guard !values.isEmpty else { return }
                names[model] = values.map { $0.name }
                add(
                    number, values.map { $0.value },
                    to: &found[model, default: [:]][position?.layer, default: []])
            }
            for (index, input) in merge.inputs.enumerated() {
                // A buffer that a model lacks is the base's.
                let isBases = merge.reference.map { $0.model == input.model } ?? false
                if !isBases { note(input.model, merge.rule.values(ofInput: index)) }
            }
            note(nil, merge.rule.numbers)
        }
        let shared = Set((found[nil] ?? [:]).values.joined().map { $0.values })
        if shared.count <= 1 { found[nil] = nil }
        let order: [Int?] = plan.modelNames.indices.map(Optional.some) + [nil]
        return order.compactMap { model in
            guard let layers = found[model], let columns = names[model] else { return nil }
            return ParameterChart(
                model: model.map { plan.modelNames[$0] }, columnNames: columns,
                rows: rows(layers, names: known))
        }
    }

    private static func add(_ name: UInt32, _ values: Values, to groups: inout [Group]) {
        if let index = groups.firstIndex(where: { $0.values == values }) {
            groups[index].names.append(name)
        } else {
            groups.append((values, [name]))
        }
    }

    private static func rows(_ layers: [Int?: [Group]], names: [String]) -> [Row] {
        var rows: [Row] = []
        var previous: (layer: Int, groups: [Group])?
        for layer in layers.keys.sorted(by: { ($0 ?? -1) < ($1 ?? -1) }) {
            let groups = layers[layer] ?? []
            if let layer, let last = previous, last.layer == layer - 1, isSame(last.groups, groups) {
                for index in rows.indices.suffix(groups.count) {
                    rows[index].layers = (rows[index].layers?.lowerBound ?? layer)...layer
                }
            } else {
                rows += groups.map { group in
                    Row(
                        layers: layer.map { $0...$0 },
                        tensors: groups.count > 1 ? group.names.map { names[Int($0)] } : [],
                        values: group.values)
                }
            }
            previous = layer.map { ($0, groups) }
        }
        return rows
    }

    private static func isSame(_ left: [Group], _ right: [Group]) -> Bool {
        left.count == right.count
            && zip(left, right).allSatisfy { $0.values == $1.values && $0.names == $1.names }
    }

    // MARK: Text

    /// A table with one line a row; columns that vary have bars, from 0 to their largest value.
    var lines: [String] {
        let columns = columnNames.indices.map { index in rows.map { $0.values[index] } }
        let labels = rows.map(Self.label)
        let width = max(8, labels.map(\.count).max() ?? 0)
        var lines = [
            "  " + TextBar.padded("layer", width)
                + columnNames.enumerated().map { index, name in
                    "  " + TextBar.padded(name, Self.width(columns[index]))
                }.joined()
        ]
        for (row, label) in labels.enumerated() {
            var line = "  " + TextBar.padded(label, width)
            for column in columns {
                line += "  " + TextBar.padded(Self.cell(column[row], in: column), Self.width(column))
            }
            while line.last == " " { line.removeLast() }
            lines.append(line)
        }
        while lines[0].last == " " { lines[0].removeLast() }
        return lines
    }

    private static func text(_ value: Double?) -> String { value.map(ParameterRule.decimal) ?? "-" }

    private static func varies(_ column: [Double?]) -> Bool { Set(column).count > 1 }

    private static func width(_ column: [Double?]) -> Int {
        max(
            7,
            (column.map { text($0).count }.max() ?? 0) + (varies(column) ? TextBar.width + 1 : 0)
        )
    }

    private static func cell(_ value: Double?, in column: [Double?]) -> String {
        let number = text(value)
        guard varies(column) else { return number }
        let room = column.map { text($0).count }.max() ?? 0
        return TextBar.padded(number, room) + " "
            + TextBar.bar(value ?? 0, most: column.map { abs($0 ?? 0) }.max() ?? 0)
    }

    private static func label(_ row: Row) -> String {
        var label = "outside"
        if let layers = row.layers {
            label = layers.count == 1 ? "\(layers.lowerBound)" : "\(layers.lowerBound)–\(layers.upperBound)"
        }
        guard let first = row.tensors.first else { return label }
        let name = first.hasSuffix(".weight") ? String(first.dropLast(7)) : first
        return label + " " + name + (row.tensors.count > 1 ? " +\(row.tensors.count - 1)" : "")
    }
}
