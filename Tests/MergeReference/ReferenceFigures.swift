import Foundation

/// What a report must say of one tensor, computed anew from what goes into it.
struct ReferenceFigures: Equatable {
    struct Input: Equatable {
        /// The model's number in the config's order of the recipe.
        var model: Int
        var values: [Float]
        /// Elements whose difference is kept and not 0; `nil` where all or none are.
        var kept: Int?
    }

    /// What differences are taken from, and the values of the other models.
    var reference: [Float]
    var inputs: [Input]
    /// Elements of which terms have both signs; `nil` of methods without terms.
    var conflicts: Int?

    /// - Parameters:
    ///   - models: whose each of the inputs' models is.
    ///   - referenceModel: the base's number.
    init(_ inputs: TensorInputs, models: [Int], base: Int?, referenceModel: Int, method: ReferenceMethod) {
        let place = models.firstIndex { $0 == base } ?? 0
        let reference = inputs.base ?? inputs.models[place].values
        self.reference = reference
        let own = inputs.base == nil ? models[place] : referenceModel
        let masks = method.kept?(inputs)
        self.inputs = inputs.models.indices.filter { models[$0] != own }.map { index in
            let model = inputs.models[index]
            let density = model.parameters["density"] ?? 1
            var kept: Int?
            if let mask = masks?[index], density > 0, density < 1 {
                kept = mask.indices.filter { mask[$0] && Self.differ(model.values[$0], reference[$0]) }.count
            }
            return Input(model: models[index], values: model.values, kept: kept)
        }
        guard let masks, inputs.models.count > 1 else { return }
        conflicts =
            reference.indices.filter { i in
                let terms = inputs.models.indices.map { k -> Float in
                    let model = inputs.models[k]
                    let weight = model.parameters["weight"] ?? 0
                    guard masks[k][i], weight != 0 else { return 0 }
                    let delta = model.values[i] - reference[i]
                    return weight < 0 ? -delta : delta
                }
                return terms.contains { $0 > 0 } && terms.contains { $0 < 0 }
            }.count
    }

    /// What is wrong with a report's entry for a tensor that is copied: it has its own figures, and of integers none.
    static func problem(withCopy entry: [String: Any], of tensor: TensorFile.Tensor) -> String? {
        guard (entry["inputs"] as? [Any])?.isEmpty == true else { return "it has models" }
        guard entry["conflicts"] is NSNull else { return "it has conflicts" }
        let values = [.bf16, .f16, .f32].contains(tensor.type) ? tensor.values : []
        let finite = values.filter(\.isFinite).map { Double($0) }
        let right: [(String, Double)] = [
            ("reference_squares", finite.reduce(0) { $0 + $1 * $1 }), ("change_squares", 0), ("changed", 0),
            ("peak", finite.map(abs).max() ?? 0), ("nans", Double(values.count(where: \.isNaN))),
            ("infinities", Double(values.count(where: \.isInfinite))),
        ]
        let wrong = right.filter { key, value in
            guard let number = (entry[key] as? NSNumber)?.doubleValue else { return true }
            return abs(number - value) > 1e-9 * abs(value)
        }
        return wrong.isEmpty
            ? nil : wrong.map { "\($0.0) is \(entry[$0.0] ?? "absent"), not \($0.1)" }.joined(separator: ", ")
    }

    private static func differ(_ x: Float, _ y: Float) -> Bool { x < y || x > y }

    /// A difference, 0 where it is not finite.
    static func difference(_ x: Float, _ y: Float) -> Double {
        let difference = x - y
        return difference.isFinite ? Double(difference) : 0
    }

    /// What is wrong with a report's entry for the tensor; `nil` where nothing is.
    ///
    /// - Parameters:
    ///   - entry: an entry of `tensors` of `report.json`.
    ///   - names: the recipe's models, by the numbers that the report has for them.
    ///   - output: the values that were written.
    func problem(with entry: [String: Any], models names: [Int], output: [Float]) -> String? {
        var problems: [String] = []
        func check(_ key: String, _ found: Any?, _ right: Double?, among scale: Double = 0) {
            let number = (found as? Double) ?? (found as? Int).map { Double($0) }
            guard let right else {
                if number != nil { problems.append("\(key) is \(number!), not null") }
                return
            }
            guard let number, abs(number - right) <= 1e-9 * max(abs(right), scale) else {
                problems.append("\(key) is \(number.map { "\($0)" } ?? "null"), not \(right)")
                return
            }
        }
        func sum(_ terms: [Double]) -> Double { terms.reduce(0, +) }
        let squares = sum(reference.map { $0.isFinite ? Double($0) * Double($0) : 0 })
        check("elements", entry["elements"], Double(reference.count))
        check("reference_squares", entry["reference_squares"], squares)
        let found = entry["inputs"] as? [[String: Any]] ?? []
        guard found.count == inputs.count else { return "\(found.count) inputs, not \(inputs.count)" }
        let deltas = inputs.map { zip($0.values, reference).map(Self.difference) }
        for (index, input) in inputs.enumerated() {
            let entry = found[index]
            if (entry["model"] as? Int).map({ names[$0] }) != input.model { problems.append("another model") }
            check("squares", entry["squares"], sum(deltas[index].map { $0 * $0 }))
            check("magnitudes", entry["magnitudes"], sum(deltas[index].map { abs($0) }))
            check("equal", entry["equal"], Double(zip(input.values, reference).filter { $0 == $1 }.count))
            check("kept", entry["kept"], input.kept.map { Double($0) })
        }
        var products: [(Double, Double)] = []
        for i in inputs.indices {
            for j in inputs.indices where j > i {
                let terms = zip(deltas[i], deltas[j]).map { $0 * $1 }
                products.append((sum(terms), sum(terms.map { abs($0) })))
            }
        }
        let written = entry["products"] as? [Any] ?? []
        if written.count != products.count { problems.append("\(written.count) products") }
        for (number, product) in zip(written, products) {
            check("product", number, product.0, among: product.1)
        }
        check("conflicts", entry["conflicts"], conflicts.map { Double($0) })
        let changes = zip(output, reference).map(Self.difference)
        check("change_squares", entry["change_squares"], sum(changes.map { $0 * $0 }))
        check("changed", entry["changed"], Double(zip(output, reference).filter { $0 != $1 }.count))
        check("peak", entry["peak"], Double(output.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }))
        check("nans", entry["nans"], Double(output.filter(\.isNaN).count))
        check("infinities", entry["infinities"], Double(output.filter(\.isInfinite).count))
        return problems.isEmpty ? nil : problems.joined(separator: ", ")
    }
}
