import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Biases that were trained along with an adapter: peft keeps those of adapted layers inside of them.
@Suite struct AdapterBiasTests {
    private static let module = "model.layers.0.q_proj"

    @Test(arguments: ["\(module).bias", "\(module).base_layer.bias"])
    func takeThePlaceOfTheBases(name: String) throws {
        let models = try TinyModels()
        func tensor(_ name: String, _ shape: [Int], _ value: Float) -> TinyModels.Tensor {
            NamedModel.tensor(name, shape, Array(repeating: value, count: shape.reduce(1, *)))
        }
        let config = try JSON(parsing: Array(#"{"model_type": "phi", "num_hidden_layers": 1}"#.utf8))
        try models.writeModel(
            "Base",
            tensors: [tensor("\(Self.module).weight", [3, 2], 1), tensor("\(Self.module).bias", [3], 2)],
            config: config)
        let start = "base_model.model."
        try models.writeModel(
            "Adapter",
            tensors: [
                tensor("\(start)\(Self.module).lora_A.weight", [1, 2], 1),
                tensor("\(start)\(Self.module).lora_B.weight", [3, 1], 0.5),
                // A weight saved along is the base's own.
                tensor("\(start)\(Self.module).base_layer.weight", [3, 2], 9),
                tensor("\(start)\(name)", [3], 7),
            ], config: .null)
        try FileSystem.rename(
            models.folder.pushing("Adapter/model.safetensors"),
            to: models.folder.pushing("Adapter/adapter_model.safetensors"), replacing: false)
        try models.write(
            #"{"peft_type": "LORA", "r": 1, "lora_alpha": 4, "bias": "lora_only"}"#,
            to: "Adapter/adapter_config.json")
        let plan = try models.plan("merge_method: passthrough\nmodels: [{model: Base+Adapter}]\n")
        let merged = try NamedModel.merged(plan, in: models.folder)
        #expect(
            merged == [
                "\(Self.module).weight": Array(repeating: 3, count: 6), "\(Self.module).bias": [7, 7, 7],
            ])
    }
}
