import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Adapters that cannot be applied: each is refused by name, before a weight is read.
@Suite struct AdapterProblemTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var what: String
        /// Names after `base_model.model.` and shapes.
        var tensors: [(String, [Int])] = Self.fitting
        var config = #"{"peft_type": "LORA", "r": 2, "lora_alpha": 4}"#
        var type = StoredType.f32
        /// Tensors of the base besides the one that is adapted.
        var others: [(String, [Int])] = []
        /// A file beside the adapter's.
        var beside: String?
        /// What the message says.
        var expected: String

        var testDescription: String { what }

        static let module = "model.layers.0.mlp.up_proj"
        static let fitting = [("\(module).lora_A.weight", [2, 6]), ("\(module).lora_B.weight", [8, 2])]
    }

    static let cases: [Case] = [
        Case(
            what: "rank",
            tensors: [("\(Case.module).lora_A.weight", [2, 6]), ("\(Case.module).lora_B.weight", [8, 3])],
            expected: "do not fit the base's [8, 6] (name the model that the adapter was made for)"),
        Case(
            what: "another model's",
            tensors: [("\(Case.module).lora_A.weight", [2, 7]), ("\(Case.module).lora_B.weight", [8, 2])],
            expected: "do not fit the base's [8, 6]"),
        Case(
            what: "no such module",
            tensors: [
                ("model.layers.9.mlp.up_proj.lora_A.weight", [2, 6]),
                ("model.layers.9.mlp.up_proj.lora_B.weight", [8, 2]),
            ],
            expected: "model.layers.9.mlp.up_proj.lora_A.weight fits no tensor of the base"),
        Case(
            what: "half", tensors: [("\(Case.module).lora_A.weight", [2, 6])],
            expected: "\(Case.module) has only one of lora_A and lora_B"),
        Case(
            what: "a saved module of another", tensors: Case.fitting + [("score.weight", [3, 6])],
            expected: "score.weight fits no tensor of the base"),
        Case(
            what: "magnitude",
            tensors: Case.fitting + [("\(Case.module).lora_magnitude_vector", [6])],
            expected: "lora_magnitude_vector [6] of \(Case.module) does not fit"),
        Case(
            what: "DoRA of inputs first",
            tensors: [
                ("\(Case.module).lora_A.weight", [2, 8]), ("\(Case.module).lora_B.weight", [6, 2]),
                ("\(Case.module).lora_magnitude_vector", [6]),
            ], config: #"{"r": 2, "fan_in_fan_out": true}"#,
            expected: "whose inputs come first, is not applied"),
        Case(
            what: "DoRA of a convolution",
            tensors: [
                ("conv.lora_A.weight", [2, 6, 3]), ("conv.lora_B.weight", [8, 2, 1]),
                ("conv.lora_magnitude_vector", [8]),
            ], others: [("conv.weight", [8, 6, 3])],
            expected: "DoRA of conv, a convolution, is not applied (merge it into its base with peft's"),
        Case(
            what: "a convolution in groups",
            tensors: [("conv.lora_A.weight", [2, 6, 3]), ("conv.lora_B.weight", [8, 2, 1])],
            others: [("conv.weight", [8, 1, 3])],
            expected: "do not fit the base's [8, 1, 3] (merge it into its base with peft's"),
        Case(what: "no tensors", tensors: [], expected: "holds no tensor of an adapter"),
        Case(what: "quantised", type: .f8, expected: "is of type F8_E4M3, which cannot be computed with"),
        Case(
            what: "another kind", config: #"{"peft_type": "IA3", "r": 2}"#,
            expected: "peft_type is IA3, and only LORA"),
        Case(
            what: "alora", config: #"{"r": 2, "alora_invocation_tokens": [1]}"#,
            expected: "alora_invocation_tokens is not applied"),
        Case(
            what: "a base that was changed", config: #"{"r": 2, "init_lora_weights": "pissa_niter_16"}"#,
            expected: "init_lora_weights is pissa_niter_16, which changed the base"),
        Case(
            what: "a base that was changed, in capitals", config: #"{"r": 2, "init_lora_weights": "OLoRA"}"#,
            expected: "init_lora_weights is OLoRA, which changed the base"),
        Case(
            what: "a truncated base", config: #"{"r": 2, "kasa_config": {}}"#,
            expected: "kasa_config is not applied"),
        Case(
            what: "blocks", config: #"{"r": 2, "use_bdlora": {"nblocks": 2}}"#,
            expected: "use_bdlora is not applied"),
        Case(
            what: "a head where the embedding is it", tensors: Case.fitting + [("lm_head.weight", [3, 6])],
            expected: "lm_head.weight is of a head, and the base's head is its embedding"),
        Case(
            what: "bert's head where the embedding is it",
            tensors: Case.fitting + [("cls.predictions.decoder.bias", [3])],
            expected: "cls.predictions.decoder.bias is of a head, and the base's head is its embedding"),
        Case(
            what: "biases of its own", config: #"{"r": 2, "lora_bias": true}"#,
            expected: "lora_bias is not applied (merge it into its base with peft's merge_and_unload"),
        Case(
            what: "parameters", config: #"{"r": 2, "target_parameters": ["experts.down_proj"]}"#,
            expected: "target_parameters is not applied"),
        Case(what: "rank of nothing", config: #"{"r": 0}"#, expected: "r is no rank"),
        Case(what: "NaN", config: #"{"r": 2, "lora_alpha": NaN}"#, expected: "lora_alpha is no number"),
        Case(
            what: "a scale past float32", config: #"{"r": 2, "lora_alpha": 1e300}"#,
            expected: "is no number in float32"),
        Case(what: "not JSON", config: "{", expected: "adapter_config.json: "),
        Case(what: "a list", config: "[]", expected: "not a JSON object"),
        Case(
            what: "a pattern of many repetitions",
            config: #"{"r": 2, "alpha_pattern": {"(a+)+$": 1}}"#, expected: "which is not matched here"),
        Case(
            what: "a pattern of flags", config: #"{"r": 2, "alpha_pattern": {"(?i)UP_PROJ": 1}}"#,
            expected: "which is not matched here"),
        Case(
            what: "a pattern that is none", config: #"{"r": 2, "alpha_pattern": {"(": 1}}"#,
            expected: "which is not matched here"),
        Case(
            what: "a pattern's number", config: #"{"r": 2, "alpha_pattern": {"up_proj": "x"}}"#,
            expected: "alpha_pattern of up_proj is no number"),
        Case(
            what: "alpha as a text", config: #"{"r": 2, "lora_alpha": "8"}"#,
            expected: "lora_alpha is no number (download it again)"),
        Case(
            what: "alpha null", config: #"{"r": 2, "lora_alpha": null}"#, expected: "lora_alpha is no number"
        ),
        Case(
            what: "a flag as a text", config: #"{"r": 2, "use_rslora": "true"}"#,
            expected: "use_rslora is neither true nor false"),
        Case(
            what: "another rank", config: #"{"r": 16, "lora_alpha": 16}"#,
            expected:
                "\(Case.module) has rank 2, and r of adapter_config.json is 16: its scale is 8 by the one and 1 by the other"
        ),
        Case(
            what: "a rank of another module's pattern",
            config: #"{"r": 16, "rank_pattern": {"up_proj": 4, "q_proj": 2}}"#,
            expected:
                "\(Case.module) has rank 2, and rank_pattern of adapter_config.json is 4: its scale is 4 by"),
        Case(
            what: "the rank that is not r", config: #"{"rank_pattern": {"q_proj": 2}}"#,
            expected: "\(Case.module) has rank 2, and r of adapter_config.json is 8"),
        Case(
            what: "a rank that is no number", config: #"{"r": 2, "rank_pattern": {"up_proj": "2"}}"#,
            expected: "rank_pattern of up_proj is no number"),
        Case(
            what: "a rank that its pattern is not", config: #"{"r": 2, "rank_pattern": {"up_proj": 4}}"#,
            expected: "\(Case.module) has rank 2, and rank_pattern of adapter_config.json is 4"),
        Case(
            what: "DoRA without magnitudes", config: #"{"r": 2, "use_dora": true}"#,
            expected: "\(Case.module) has no lora_magnitude_vector, and use_dora is true (download it again)"),
        Case(
            what: "ZeRO-3",
            tensors: [("\(Case.module).lora_A.weight", [0]), ("\(Case.module).lora_B.weight", [0])],
            expected: "\(Case.module).lora_A.weight is empty, of shape [0], as ZeRO-3 saves"),
        Case(
            what: "ZeRO-3's saved", tensors: Case.fitting + [("model.norm.weight", [0])],
            others: [("model.norm.weight", [6])],
            expected: "model.norm.weight is empty, of shape [0], as ZeRO-3 saves"),
        Case(
            what: "mlx",
            config: #"{"fine_tune_type": "lora", "lora_parameters": {"rank": 2, "scale": 20.0}}"#,
            expected: "is laid out as mlx saves adapters (lora_parameters, adapters.safetensors)"),
        Case(
            what: "mlx by its file", config: "{}", beside: "adapters.safetensors",
            expected: "is laid out as mlx saves adapters"),
        Case(
            what: "a saved module of another shape", tensors: Case.fitting + [("model.norm.weight", [4])],
            others: [("model.norm.weight", [6])],
            expected: "model.norm.weight has the shape [4], the base's [6] (name the model that the adapter"),
        Case(
            what: "an embedding of another width",
            tensors: Case.fitting + [("model.embed_tokens.weight", [5, 7])],
            others: [("model.embed_tokens.weight", [4, 6])],
            expected: "model.embed_tokens.weight has the shape [5, 7], the base's [4, 6]"),
    ]

    @Test(arguments: cases)
    func isRefusedByName(made: Case) throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        try write("base", [("\(Case.module).weight", [8, 6])] + made.others, .f32, in: folder)
        try CheckpointFolder.write(
            Array(#"{"model_type": "llama", "num_hidden_layers": 1}"#.utf8),
            to: folder.appending("base/config.json").string)
        try write(
            "adapter", made.tensors.map { ("base_model.model." + $0.0, $0.1) }, made.type, in: folder,
            file: "adapter_model.safetensors")
        try CheckpointFolder.write(
            Array(made.config.utf8), to: folder.appending("adapter/adapter_config.json").string)
        if let beside = made.beside {
            try CheckpointFolder.write([], to: folder.appending("adapter/\(beside)").string)
        }
        let library = ModelLibrary(folders: [folder], workingDirectory: nil, allowsAnyPath: true)
        let text =
            "merge_method: task_arithmetic\nbase_model: base\nmodels:\n- {model: base+adapter, parameters: {weight: 1}}\n"
        let problems = try #require(throws: MergeProblems.self) {
            _ = try MergePlanner(library: library).plan(
                Array(text.utf8), fileName: "m.yml", outputName: "out")
        }
        #expect(problems.description.contains(made.expected), "\(problems)")
        #expect(problems.description.hasPrefix("m.yml:4: adapter: "), "\(problems)")
    }

    private func write(
        _ name: String, _ tensors: [(String, [Int])], _ type: StoredType, in folder: FilePath,
        file: String = "model.safetensors"
    ) throws {
        try FileManager.default.createDirectory(
            atPath: folder.appending(name).string, withIntermediateDirectories: true)
        let encoded = TensorFile.encoded(
            tensors.map { entry in
                TensorFile.Tensor(
                    name: entry.0, type: type, shape: entry.1,
                    bytes: Array(repeating: 0, count: entry.1.reduce(1, *) * type.byteWidth))
            }, alignment: nil)
        try CheckpointFolder.write(encoded, to: folder.appending(name).appending(file).string)
    }
}
