import Testing

@testable import Della
@testable import MergeReference

/// A merge that never was, with figures such as merges have: an ordinary one, in which nothing stands out.
struct SyntheticReport {
    /// How tensors are named.
    enum Family: CaseIterable {
        case llama, fused, gpt2, mixture, vision
    }

    var merge: ReportedMerge
    var tensors: [ReportedTensor] = []

    /// - Parameters:
    ///   - models: those that are held against the reference.
    ///   - experts: of a mixture.
    init(
        layers: Int = 12, models: Int = 2, family: Family = .llama, experts: Int = 8,
        method: String? = "della_linear",
        seed: UInt64 = 1
    ) {
        var random = SeededRandom(seed: seed)
        merge = ReportedMerge(
            title: "Synthetic-12B", method: method, reference: "Org/Base-12B",
            models: ["Org/Base-12B"] + (0..<models).map { "Org/Tune-\($0 + 1)-12B" },
            config: method == nil ? "" : "merge_method: \(method ?? "")\nbase_model: Org/Base-12B\n",
            version: "0.1.0")
        for name in Self.names(family, layers, experts) {
            let shape = Self.shape(name.text)
            let share = layers > 1 ? Double(name.layer ?? 0) / Double(layers - 1) : 0
            tensors.append(
                Self.tensor(name.text, shape, at: share, models: models, isMerge: method != nil, &random))
        }
    }

    /// The report of it.
    var report: MergeReport {
        var report = MergeReport(merge)
        for tensor in tensors { report.add(tensor) }
        return report
    }

    /// `report.json` of it.
    var json: String {
        var writer = ReportJSONWriter(merge)
        return writer.header + tensors.map { writer.piece($0) }.joined() + writer.end(report)
    }

    /// Changes the statistics of the tensors that are meant.
    mutating func change(where isMeant: (String) -> Bool, _ body: (inout TensorStatistics) -> Void) {
        for index in tensors.indices where isMeant(tensors[index].name) { body(&tensors[index].statistics) }
    }

    private static func names(_ family: Family, _ layers: Int, _ experts: Int) -> [(
        text: String, layer: Int?
    )] {
        var names: [(String, Int?)] = []
        func add(_ prefix: String, _ count: Int, _ parts: [String]) {
            for layer in 0..<count { names += parts.map { ("\(prefix).\(layer).\($0)", layer) } }
        }
        let attention = ["q_proj", "k_proj", "v_proj", "o_proj"].map { "self_attn.\($0).weight" }
        let norms = ["input_layernorm.weight", "post_attention_layernorm.weight"]
        let dense = ["gate_proj", "up_proj", "down_proj"].map { "mlp.\($0).weight" }
        let ends: [(String, Int?)] = [("model.norm.weight", nil), ("lm_head.weight", nil)]
        switch family {
        case .llama:
            names.append(("model.embed_tokens.weight", nil))
            add("model.layers", layers, attention + dense + norms)
            names += ends
        case .fused:
            names.append(("model.embed_tokens.weight", nil))
            add(
                "model.layers", layers,
                [
                    "self_attn.qkv_proj.weight", "self_attn.o_proj.weight", "mlp.gate_up_proj.weight",
                    "mlp.down_proj.weight",
                ]
                    + norms)
            names += ends
        case .gpt2:
            names += [("wte.weight", nil), ("wpe.weight", nil)]
            let parts = ["ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"]
            add("h", layers, parts.flatMap { ["\($0).weight", "\($0).bias"] })
            names.append(("ln_f.weight", nil))
        case .mixture:
            names.append(("model.embed_tokens.weight", nil))
            let all = (0..<experts).flatMap { expert in
                ["w1", "w2", "w3"].map { "block_sparse_moe.experts.\(expert).\($0).weight" }
            }
            add("model.layers", layers, attention + ["block_sparse_moe.gate.weight"] + all + norms)
            names += ends
        case .vision:
            names.append(("vision_tower.patch_embed.weight", nil))
            add(
                "vision_tower.blocks", layers,
                ["norm1.weight", "attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight", "mlp.fc2.weight"])
            names += [("merger.linear.weight", nil), ("language_model.embed_tokens.weight", nil)]
            add("language_model.layers", layers + 4, attention + dense + norms)
            names.append(("lm_head.weight", nil))
        }
        return names
    }

    private static func shape(_ name: String) -> [Int] {
        if name.contains("norm") || name.contains("ln_") || name.hasSuffix("bias") { return [5120] }
        if name.contains("embed") || name.contains("head") || name.hasPrefix("w") { return [131_072, 5120] }
        if name.contains("gate.weight") { return [8, 5120] }
        return name.contains("mlp") || name.contains("experts") ? [14_336, 5120] : [4096, 5120]
    }

    /// A tensor at a share of the depth.
    private static func tensor(
        _ name: String, _ shape: [Int], at depth: Double, models: Int, isMerge: Bool,
        _ random: inout SeededRandom
    ) -> ReportedTensor {
        let elements = shape.reduce(1, *)
        var statistics = TensorStatistics()
        statistics.elements = UInt64(elements)
        statistics.referenceSquares = Double(elements) * 0.0004 * Double.random(in: 0.8..<1.2, using: &random)
        let kind = name.contains("norm") ? 0.4 : name.contains("embed") || name.contains("head") ? 0.7 : 1
        // Later layers move further, as in fine-tunes.
        let curve = kind * (0.6 + 0.8 * depth * depth)
        var parameters: [[ReportedTensor.Parameter]] = []
        for model in 0..<models {
            var input = TensorStatistics.Input(model: model + 1)
            let relative =
                0.012 * (1 + 0.5 * Double(model)) * curve * Double.random(in: 0.85..<1.15, using: &random)
            input.squares = relative * relative * statistics.referenceSquares
            input.magnitudes = (input.squares * Double(elements)).squareRoot() * 0.79
            input.equal = UInt64(Double(elements) * Double.random(in: 0.05..<0.15, using: &random))
            let density = 0.45 + 0.1 * (model.isMultiple(of: 2) ? depth : 1 - depth),
                weight = 1 / Double(models)
            if isMerge {
                input.kept = UInt64(Double(elements) * density * Double.random(in: 0.97..<1, using: &random))
                input.factor = weight / density * Double.random(in: 0.98..<1.02, using: &random)
                parameters.append([
                    .init(name: "density", value: density), .init(name: "epsilon", value: 0.1),
                    .init(name: "weight", value: weight),
                ])
            } else {
                parameters.append([])
            }
            statistics.inputs.append(input)
        }
        for second in 0..<models {
            // In the order of the statistics: (0, 1), (0, 2), …
            for other in (second + 1)..<max(models, second + 1) {
                let cosine = Double.random(in: 0.05..<0.3, using: &random)
                let product = statistics.inputs[second].squares * statistics.inputs[other].squares
                statistics.products.append(cosine * product.squareRoot())
            }
        }
        if isMerge {
            if models > 1 {
                statistics.conflicts = UInt64(Double(elements) * Double.random(in: 0.3..<0.4, using: &random))
            }
            let squares = statistics.inputs.reduce(0) { $0 + $1.squares }
            statistics.changeSquares = squares / Double(max(1, models * models))
            statistics.changed = models == 0 ? 0 : UInt64(Double(elements) * 0.7)
            statistics.outputPeak = Float.random(in: 0.2..<0.9, using: &random)
        }
        return ReportedTensor(name: name, shape: shape, statistics: statistics, parameters: parameters)
    }
}
