import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Merges whose inputs are more than ranges of files, against merges of the same models written out in full: rows by token
/// expanded, adapters applied, in float32, by a reference. Byte for byte, through files.
@Suite struct ExpandedInputTests {
    /// A model's matrices by name, a vector as rows of one.
    typealias Matrices = [String: [[Float]]]

    private static let tokenTensors = [
        "model.embed_tokens.weight", "lm_head.weight", "lm_head.bias", "final_logits_bias",
    ]
    private static let plainTensor = "model.layers.0.mlp.up_proj.weight"
    private static let methods = [
        "task_arithmetic", "della", "ties", "linear", "model_stock", "sce", "breadcrumbs", "karcher",
    ]

    /// One merge: the models as they come, and in full.
    private struct Sample {
        var made: RandomVocabularyTests.Case
        var usesVocabulary: Bool
        var width: Int
        /// By model, as stored.
        var stored: [Matrices]
        var types: [StoredType]
        var adapters: [[String: ReferenceAdapter]]
        /// Of models whose plain matrix is kept in 8 bits.
        var scales: [ReferenceScales?]
        var dtype: StoredType
    }

    @Test(arguments: 0..<4)
    func whatIsReadByRowsIsMergedAsIfItWereWrittenOut(part: Int) throws {
        let seed = TestSeed.drawn()
        print("expanded inputs: seed \(seed)")
        var random = SeededRandom(seed: seed)
        var merged = 0
        for number in 0..<30 {
            guard let sample = try Self.sample(&random) else { continue }
            let folder = FilePath(NSTemporaryDirectory()).appending("dellad-expanded-\(UUID().uuidString)")
            defer { try? FileSystem.removeTree(folder) }
            try check(sample, in: folder, "seed \(seed), merge \(number)", &random)
            merged += 1
        }
        #expect(merged > 10)
    }

    // MARK: Samples

    private static func sample(_ random: inout SeededRandom) throws -> Sample? {
        var made = RandomVocabularyTests.makeCase(&random)
        let usesVocabulary = Int.random(in: 0..<4, using: &random) > 0
        if !usesVocabulary {
            // The same number of rows for all, by position.
            for index in made.reference.models.indices {
                made.reference.models[index].rows = made.reference.models[0].rows
            }
        }
        let width = [1, 3, 24, 130, 700].randomElement(using: &random)!
        let layerRows = Int.random(in: 1...40, using: &random)
        var stored: [Matrices] = []
        let types = made.reference.models.map { _ in StoredType.floats.randomElement(using: &random)! }
        for (index, model) in made.reference.models.enumerated() {
            var matrices: Matrices = [:]
            func matrix(_ rows: Int, _ columns: Int) -> [[Float]] {
                (0..<rows).map { _ in
                    (0..<columns).map { _ in
                        let value = Float(random.normal() * 0.05)
                        return types[index] == .f64 ? value : ReferenceFormat.round(value, to: types[index])
                    }
                }
            }
            matrices[tokenTensors[0]] = matrix(model.rows.count, width)
            matrices[tokenTensors[1]] = matrix(model.rows.count, width)
            matrices[tokenTensors[2]] = matrix(model.rows.count, 1)
            matrices[tokenTensors[3]] = matrix(model.rows.count, 1)
            matrices[plainTensor] = matrix(layerRows, width)
            stored.append(matrices)
        }
        let adapters = stored.map { matrices -> [String: ReferenceAdapter] in
            guard Bool.random(using: &random) else { return [:] }
            var parts: [String: ReferenceAdapter] = [:]
            for name in [plainTensor, tokenTensors[0], tokenTensors[1]] where Bool.random(using: &random) {
                parts[name] = adapter(matrices[name]!, isEmbedding: name == tokenTensors[0], &random)
            }
            return parts
        }
        var scales: [ReferenceScales?] = []
        for index in stored.indices {
            let isEight = Int.random(in: 0..<3, using: &random) == 0 && adapters[index].isEmpty
            let own = isEight ? ReferenceScales(rows: layerRows, columns: width, using: &random) : nil
            if let own { stored[index][plainTensor] = own.values }
            scales.append(own)
        }
        // Where rows are told from their number alone, nobody may be refused.
        guard !usesVocabulary || (try? made.reference.rows())?.first?.isEmpty == false else { return nil }
        return Sample(
            made: made, usesVocabulary: usesVocabulary, width: width, stored: stored, types: types,
            adapters: adapters, scales: scales, dtype: StoredType.formats.randomElement(using: &random)!)
    }

    private static func adapter(
        _ matrix: [[Float]], isEmbedding: Bool, _ random: inout SeededRandom
    ) -> ReferenceAdapter {
        let rank = Int.random(in: 1...9, using: &random)
        let rows = matrix.count, columns = matrix[0].count
        let (outputs, inputs) = isEmbedding ? (columns, rows) : (rows, columns)
        func values(_ count: Int) -> [Float] {
            (0..<count).map { _ in ReferenceFormat.round(Float(random.normal() * 0.1), to: .bf16) }
        }
        let alpha = [1.0, 8, 16, 7.5].randomElement(using: &random)!
        return ReferenceAdapter(
            rank: rank, scale: Float(alpha / Double(rank)), down: (0..<rank).map { _ in values(inputs) },
            up: (0..<outputs).map { _ in values(rank) }, hasInputsFirst: isEmbedding,
            magnitude: !isEmbedding && Int.random(in: 0..<3, using: &random) == 0
                ? values(outputs).map { abs($0) + 0.5 } : nil)
    }

    // MARK: Files

    private func check(
        _ sample: Sample, in folder: FilePath, _ what: String, _ random: inout SeededRandom
    ) throws {
        let method = Self.methods.randomElement(using: &random)!
        let config = configText(sample, method)
        for index in sample.stored.indices {
            try writeModel(sample, index, to: folder, &random)
        }
        try writeExpanded(sample, to: folder.appending("full"))
        let plain = config.components(separatedBy: "tokenizer")[0].replacing(#/\+Ad/M\d/#, with: "")
        let expected = try merge(
            plain, models: folder.appending("full"), to: folder.appending("expected"),
            MergeOptions(memory: 64 << 20, threads: 1), what)
        guard let expected else { return }
        let named = Dictionary(uniqueKeysWithValues: expected.tensors.map { ($0.name, $0) })
        let library = folder.appending("models")
        for run in 0..<3 {
            let options = MergeOptions(
                memory: run == 0 ? 1 << 30 : UInt64.random(in: 3 << 20...9 << 20, using: &random),
                threads: Int.random(in: 1...3, using: &random),
                engine: Bool.random(using: &random) ? .uring : .posix,
                level: RowKernels.availableLevels.randomElement(using: &random),
                audit: run == 1 ? .share(1) : .off)
            let found = try merge(
                config, models: library, to: folder.appending("out-\(run)"), options, what)
            guard let found else {
                Issue.record("\(what), \(method): refused:\n\(config)")
                return
            }
            #expect(
                found.differences(from: named) == [],
                "\(what), \(options.memory) bytes, \(method), types \(sample.types), \(sample.dtype), width \(sample.width), adapters \(sample.adapters.map(\.keys)):\n\(config)"
            )
        }
    }

    private func configText(_ sample: Sample, _ method: String) -> String {
        var text = sample.made.config
        if !sample.usesVocabulary { text = text.components(separatedBy: "tokenizer")[0] }
        // Two models at least, a base where the config has one.
        let own = text.contains("base_model") ? method : "linear"
        let hasBase = !["linear", "karcher"].contains(own)
        let listed = text.components(separatedBy: "- model:").count - 1
        let fits = text.contains("base_model") == hasBase && (own != "model_stock" || listed > 1)
        text = text.replacing(
            #/merge_method: \w+/#,
            with: "merge_method: \(fits ? own : hasBase ? "task_arithmetic" : "linear")")
        if text.contains("base_model"), !fits {
            text = text.replacing(#/merge_method: \w+/#, with: "merge_method: task_arithmetic")
        }
        text = text.replacing(
            "parameters: {weight: 1}", with: "parameters: {weight: 0.75, density: 0.5, epsilon: 0.1}")
        for (index, parts) in sample.adapters.enumerated() where !parts.isEmpty {
            let name = RandomVocabularyTests.name(index)
            text = text.replacing("- model: \(name)\n", with: "- model: \(name)+Ad/M\(index)\n")
            text = text.replacing("base_model: \(name)\n", with: "base_model: \(name)+Ad/M\(index)\n")
        }
        return "dtype: \(sample.dtype.configName!)\n" + text
    }

    private func merge(
        _ config: String, models: FilePath, to output: FilePath, _ options: MergeOptions, _ what: String
    ) throws -> TensorFile? {
        let library = ModelLibrary(folders: [models], workingDirectory: nil, allowsAnyPath: true)
        let plan: MergePlan
        do throws(MergeProblems) {
            plan = try MergePlanner(library: library, seed: 5).plan(
                Array(config.utf8), fileName: "m.yml", outputName: "out")
        } catch {
            Issue.record("\(what): \(error)\n\(config)")
            return nil
        }
        let least = MergeLayout.least(for: plan, threads: options.threads).memory
        var options = options
        options.memory = max(options.memory, least)
        do throws(MergeFailure) {
            _ = try MergeRun(plan: plan, configText: Array(config.utf8), output: output, options: options)
                .perform(progress: MergeProgress(), stop: StopRequest())
        } catch {
            Issue.record("\(what): \(error.message)\n\(config)")
            return nil
        }
        return try TensorFile(reading: output.appending("model.safetensors").string)
    }

    private func tensors(
        _ matrices: Matrices, _ encode: ([Float]) -> (StoredType, [UInt8])
    ) -> [TensorFile.Tensor] {
        matrices.sorted { $0.key < $1.key }.map { name, rows in
            let (type, bytes) = encode(Array(rows.joined()))
            let isRow = name == Self.tokenTensors[3]
            let shape = name.hasSuffix("bias") ? [rows.count] : [rows.count, rows[0].count]
            return TensorFile.Tensor(name: name, type: type, shape: isRow ? [1] + shape : shape, bytes: bytes)
        }
    }

    private func config(_ rows: Int, isEight: Bool = false) -> String {
        let blocks = "[\(ReferenceScales.blockRows), \(ReferenceScales.blockColumns)]"
        let quantization =
            isEight
            ? #", "quantization_config": {"quant_method": "fp8", "weight_block_size": \#(blocks)}"# : ""
        return
            #"{"model_type": "llama", "num_hidden_layers": 1, "tie_word_embeddings": false, "vocab_size": \#(rows)\#(quantization)}"#
    }

    private func writeModel(
        _ sample: Sample, _ index: Int, to folder: FilePath, _ random: inout SeededRandom
    ) throws {
        let type = sample.types[index]
        let own = folder.appending("models").pushing(FilePath(RandomVocabularyTests.name(index)))
        var tensors = tensors(sample.stored[index]) { values in
            guard type == .f64 else { return (type, ReferenceFormat.encode(values, as: type)) }
            var bytes: [UInt8] = []
            for value in values { ReferenceFormat.append(Double(value).bitPattern, to: &bytes) }
            return (type, bytes)
        }
        if let scales = sample.scales[index] {
            let place = tensors.firstIndex { $0.name == Self.plainTensor }!
            (tensors[place].type, tensors[place].bytes) = (.f8, scales.bytes)
            tensors.insert(
                TensorFile.Tensor(
                    name: Self.plainTensor + scales.suffix, type: .f32, shape: scales.shape,
                    bytes: ReferenceFormat.encode(scales.scales, as: .f32)),
                at: Int.random(in: 0...tensors.count, using: &random))
        }
        let model = sample.made.reference.models[index]
        let rows = min(sample.stored[index][Self.tokenTensors[0]]!.count, model.limit)
        try CheckpointFolder.write(
            [(tensors, Int.random(in: 0..<4096, using: &random))],
            config: config(rows, isEight: sample.scales[index] != nil), to: own.string)
        if sample.usesVocabulary {
            try CheckpointFolder.write(
                Array(RandomVocabularyTests.tokenizer(model, &random).utf8),
                to: own.appending("tokenizer.json").string)
        }
        try writeAdapter(sample.adapters[index], to: folder.appending("models/Ad/M\(index)"), &random)
    }

    private func writeAdapter(
        _ parts: [String: ReferenceAdapter], to folder: FilePath, _ random: inout SeededRandom
    ) throws {
        guard !parts.isEmpty else { return }
        var tensors: [TensorFile.Tensor] = []
        var alphas: [String] = [], ranks: [String] = []
        for (name, part) in parts.sorted(by: { $0.key < $1.key }) {
            let module = String(name.dropLast(".weight".count))
            let type = [StoredType.bf16, .f32].randomElement(using: &random)!
            func add(_ suffix: String, _ rows: [[Float]], isVector: Bool = false) {
                tensors.append(
                    .init(
                        name: "base_model.model.\(module).\(suffix)", type: type,
                        shape: isVector ? [rows.count] : [rows.count, rows[0].count],
                        bytes: ReferenceFormat.encode(Array(rows.joined()), as: type)))
            }
            add(part.hasInputsFirst ? "lora_embedding_A" : "lora_A.weight", part.down)
            add(part.hasInputsFirst ? "lora_embedding_B" : "lora_B.weight", part.up)
            if let magnitude = part.magnitude {
                let rounded = magnitude.map { [$0] }
                tensors.append(
                    .init(
                        name: "base_model.model.\(module).lora_magnitude_vector", type: .f32,
                        shape: [rounded.count], bytes: ReferenceFormat.encode(magnitude, as: .f32)))
            }
            ranks.append("\"\(module)\": \(part.rank)")
            let alpha = Double(part.scale) * Double(part.rank)
            let key = [module, String(module.split(separator: ".").last!)].randomElement(using: &random)!
            alphas.append("\"\(key)\": \((alpha * 2).rounded() / 2)")
        }
        let config =
            #"{"peft_type": "LORA", "r": 4, "lora_alpha": 3, "rank_pattern": {\#(ranks.joined(separator: ", "))}, "#
            + #""alpha_pattern": {\#(alphas.joined(separator: ", "))}}"#
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
        try CheckpointFolder.write(
            TensorFile.encoded(tensors, alignment: Int.random(in: 0..<4096, using: &random)),
            to: folder.appending("adapter_model.safetensors").string)
        try CheckpointFolder.write(Array(config.utf8), to: folder.appending("adapter_config.json").string)
    }

    /// The models in full: every one with the output's rows, in float32.
    private func writeExpanded(_ sample: Sample, to folder: FilePath) throws {
        var full = sample.stored
        for index in full.indices {
            for (name, part) in sample.adapters[index] {
                full[index][name] = part.applied(to: full[index][name]!)
            }
        }
        if sample.usesVocabulary {
            for name in Self.tokenTensors {
                var reference = sample.made.reference
                for index in full.indices { reference.models[index].rows = full[index][name]! }
                for (index, rows) in try reference.rows().enumerated() { full[index][name] = rows }
            }
        }
        for (index, matrices) in full.enumerated() {
            try CheckpointFolder.write(
                [(tensors(matrices) { (.f32, ReferenceFormat.encode($0, as: .f32)) }, nil)],
                config: config(matrices[Self.tokenTensors[0]]!.count),
                to: folder.pushing(FilePath(RandomVocabularyTests.name(index))).string)
        }
    }
}
