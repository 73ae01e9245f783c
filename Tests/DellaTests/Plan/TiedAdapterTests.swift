import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What is said of adapters that do more than their config says: of an embedding that is the head too, and of magnitudes.
@Suite struct TiedAdapterTests {
    private static let embedding = "model.embed_tokens"

    /// Models with and without a head of their own, adapters that replace the embedding, add to it, or leave it.
    @Test(arguments: [false, true], ["saved", "added", "elsewhere"])
    func whatBecomesOfTheHeadIsSaid(hasHead: Bool, kind: String) throws {
        let models = try TinyModels()
        func tensor(_ name: String, _ shape: [Int]) -> TinyModels.Tensor {
            NamedModel.tensor(name, shape, Array(repeating: 1, count: shape.reduce(1, *)))
        }
        let config = try JSON(
            parsing: Array(#"{"model_type": "llama", "num_hidden_layers": 1, "vocab_size": 4}"#.utf8))
        let projection = "model.layers.0.self_attn.q_proj"
        try models.writeModel(
            "Base",
            tensors: [tensor("\(Self.embedding).weight", [4, 2]), tensor("\(projection).weight", [2, 2])]
                + (hasHead ? [tensor("lm_head.weight", [4, 2])] : []), config: config)
        let start = "base_model.model."
        let adapter =
            switch kind {
            case "saved": [tensor("\(start)\(Self.embedding).weight", [4, 2])]
            case "added":
                [
                    tensor("\(start)\(Self.embedding).lora_embedding_A", [1, 4]),
                    tensor("\(start)\(Self.embedding).lora_embedding_B", [2, 1]),
                ]
            default:
                [
                    tensor("\(start)\(projection).lora_A.weight", [1, 2]),
                    tensor("\(start)\(projection).lora_B.weight", [2, 1]),
                ]
            }
        try models.writeModel("Adapter", tensors: adapter, config: .null)
        try FileSystem.rename(
            models.folder.pushing("Adapter/model.safetensors"),
            to: models.folder.pushing("Adapter/adapter_model.safetensors"), replacing: false)
        try models.write(
            #"{"peft_type": "LORA", "r": 1, "lora_alpha": 4}"#, to: "Adapter/adapter_config.json")
        let warnings = try models.plan("merge_method: passthrough\nmodels: [{model: Base+Adapter}]\n")
            .warnings
        let isSaid = warnings.contains {
            $0.contains("the adapter changes \(Self.embedding).weight, which is the head too")
        }
        #expect(isSaid == (!hasHead && kind != "elsewhere"), "\(warnings)")
    }

    /// Magnitudes that the config does not speak of are applied, which peft does not do.
    @Test(arguments: [true, false])
    func magnitudesWithoutUseDoraAreSaid(isConfigured: Bool) throws {
        let models = try TinyModels()
        func tensor(_ name: String, _ shape: [Int]) -> TinyModels.Tensor {
            NamedModel.tensor(name, shape, Array(repeating: 1, count: shape.reduce(1, *)))
        }
        let projection = "model.layers.0.self_attn.q_proj"
        try models.writeModel(
            "Base", tensors: [tensor("\(projection).weight", [2, 2])],
            config: try JSON(parsing: Array(#"{"model_type": "llama", "num_hidden_layers": 1}"#.utf8)))
        try models.writeModel(
            "Adapter",
            tensors: [("lora_A.weight", [1, 2]), ("lora_B.weight", [2, 1]), ("lora_magnitude_vector", [2])]
                .map {
                    tensor("base_model.model.\(projection).\($0.0)", $0.1)
                }, config: .null)
        try FileSystem.rename(
            models.folder.pushing("Adapter/model.safetensors"),
            to: models.folder.pushing("Adapter/adapter_model.safetensors"), replacing: false)
        try models.write(#"{"r": 1, "use_dora": \#(isConfigured)}"#, to: "Adapter/adapter_config.json")
        let warnings = try models.plan("merge_method: passthrough\nmodels: [{model: Base+Adapter}]\n")
            .warnings
        let isSaid = warnings.contains { $0.contains("has a lora_magnitude_vector, which is applied") }
        #expect(isSaid == !isConfigured, "\(warnings)")
    }
}
