import Della
import StreamIO

@testable import MergeReference

/// One tensor of a `della` or `della_linear` merge as the reference computes it, in the words of the product.
struct ReferenceMerge {
    struct Model {
        var values: [UInt8]
        var type: ElementType
        var ordinal: Int
        var density: Double
        var epsilon: Double
        var weight: Double
        /// Beside the merge's: what the kernels are told, not what a config says.
        var lambda: Double
    }

    var name = "model.layers.0.mlp.down_proj.weight"
    var shape: [Int]
    var base: [UInt8]
    var baseType: ElementType
    var models: [Model]
    var format: FloatFormat
    var output: FloatFormat
    var electsSigns: Bool
    var rescale: Bool
    var normalize: Bool
    var lambda: Double
    var seed: UInt64

    var count: Int { shape.reduce(1, *) }
    var rowLength: Int { shape.last ?? 1 }

    /// The merged tensor in `output`'s bytes.
    func bytes() -> [UInt8] {
        let base = values(self.base, baseType)
        guard !models.isEmpty else { return ReferenceFormat.encode(base, as: output) }
        let rules = TaskVectors(electsSigns: electsSigns, sparsifier: TaskVectors.magprune)
        let inputs = TensorInputs(
            name: name, shape: shape, seed: seed, format: format.stored, base: base,
            models: models.map { model in
                TensorInputs.Model(
                    values: values(model.values, model.type), ordinal: model.ordinal,
                    parameters: ["density": model.density, "epsilon": model.epsilon])
            }, parameters: ["rescale": rescale ? 1 : 0])
        let sum = rules.combine(
            inputs.models.map { rules.delta(of: $0, base: base, inputs) },
            weights: models.map { Float($0.weight) }, factors: models.map { Float($0.lambda) },
            normalizes: normalize)
        let result = base.indices.map { i -> Float in
            let scaled = Float(lambda) * sum[i]
            return base[i] + scaled
        }
        return ReferenceFormat.encode(result, as: output)
    }

    private func values(_ bytes: [UInt8], _ type: ElementType) -> [Float] {
        ReferenceFormat.decode(type, bytes).map { ReferenceFormat.round($0, to: format.stored) }
    }
}
