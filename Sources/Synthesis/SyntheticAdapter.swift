import StreamIO
import SystemPackage

/// A LoRA adapter of all linear layers, as peft saves it: bfloat16, `lora_alpha` twice the rank.
struct SyntheticAdapter {
    var shape: CheckpointShape
    var rank: Int
    /// The standard deviation of what it adds to a weight.
    var scale: Float
    /// What its config names as its base.
    var base: FilePath?

    /// `lora_alpha / r`, by which the product is multiplied.
    private static let factor = 2
    /// Of the elements of A.
    private static let downDeviation: Float = 0.02

    /// A and B of each weight. An element of their product is a sum of `rank` products of independent numbers.
    var tensors: [CheckpointShape.Tensor] {
        let up = scale / (Float(Self.factor) * Float(rank).squareRoot() * Self.downDeviation)
        return shape.tensors.filter(\.isLinear).flatMap { weight in
            let name = "base_model.model." + weight.name.dropLast("weight".count)
            return [
                CheckpointShape.Tensor(
                    name: name + "lora_A.weight", shape: [rank, weight.shape[1]],
                    values: .normal(center: 0, deviation: Self.downDeviation)),
                CheckpointShape.Tensor(
                    name: name + "lora_B.weight", shape: [weight.shape[0], rank],
                    values: .normal(center: 0, deviation: up)),
            ]
        }
    }

    func fileName(_ format: CheckpointFormat) -> String { "adapter_model" + format.suffix }

    /// `adapter_config.json`.
    var configuration: String {
        """
        {
          "base_model_name_or_path": \((base.map { JSON.string($0.string) } ?? .null).serialized()),
          "bias": "none",
          "fan_in_fan_out": false,
          "inference_mode": true,
          "lora_alpha": \(Self.factor * rank),
          "lora_dropout": 0.0,
          "modules_to_save": null,
          "peft_type": "LORA",
          "r": \(rank),
          "target_modules": [
            "q_proj",
            "k_proj",
            "v_proj",
            "o_proj",
            "gate_proj",
            "up_proj",
            "down_proj"
          ],
          "task_type": "CAUSAL_LM",
          "use_dora": false,
          "use_rslora": false
        }

        """
    }
}
