import StreamIO

/// What the values of an 8-bit tensor are multiplied with: a number for each block of it.
public struct ScalePart: Hashable, Sendable {
    /// The scales, a row of blocks after the other.
    var values: InputTensor
    /// Rows and columns of a block.
    var blockRows: Int
    var blockColumns: Int
    /// Blocks beside each other.
    var columnCount: Int
}

/// Where a model keeps the scales of its 8-bit weights.
struct WeightScales {
    /// The scales' tensor, and the size of the blocks that each is for.
    struct Scales {
        var tensor: Checkpoint.Tensor
        var blockRows: Int
        var blockColumns: Int
    }

    /// What a weight's scales are called after it: by block, by row or for all of it.
    private static let suffixes = ["_scale_inv", "_scale"]
    /// What programs keep beside the weights for what is computed with them.
    private static let others = [
        ".input_scale", ".output_scale", ".k_scale", ".v_scale", ".q_scale", ".weight_scale_2",
    ]

    /// The scales of a weight; `nil` where there are none, or none that fit.
    ///
    /// - Parameter blocks: rows and columns of a block, as config.json says.
    static func of(
        _ weight: Checkpoint.Tensor, in checkpoint: Checkpoint, blocks: (rows: Int, columns: Int)
    ) -> Scales? {
        guard weight.type.isFloat8, weight.shape.count == 2 else { return nil }
        let rows = weight.shape[0], columns = weight.shape[1]
        for suffix in suffixes {
            guard let tensor = checkpoint.tensor(named: weight.name + suffix), FloatFormat(tensor.type) != nil
            else { continue }
            if tensor.shape.reduce(1, *) == 1 {
                return Scales(tensor: tensor, blockRows: max(1, rows), blockColumns: max(1, columns))
            }
            if tensor.shape == [rows] || tensor.shape == [rows, 1] {
                return Scales(tensor: tensor, blockRows: 1, blockColumns: max(1, columns))
            }
            func count(_ length: Int, _ block: Int) -> Int { length / block + (length % block == 0 ? 0 : 1) }
            if tensor.shape == [count(rows, blocks.rows), count(columns, blocks.columns)] {
                return Scales(tensor: tensor, blockRows: blocks.rows, blockColumns: blocks.columns)
            }
        }
        return nil
    }

    /// Whether a tensor only says how weights, or what they are multiplied with, are scaled.
    static func isOne(_ name: String, in checkpoint: Checkpoint) -> Bool {
        for suffix in suffixes where name.hasSuffix("weight" + suffix) {
            return checkpoint.tensor(named: String(name.dropLast(suffix.utf8.count)))?.type.isFloat8 == true
        }
        for suffix in others where name.hasSuffix(suffix) {
            let module = name.dropLast(suffix.utf8.count)
            return checkpoint.tensor(named: module + ".weight")?.type.isFloat8
                ?? (suffix != ".weight_scale_2")
        }
        return false
    }
}

extension OpenModel {
    /// Whether some of its weights are kept in 8 bits.
    var isScaled: Bool { scaledCount > 0 }

    /// The scales of a weight of 8 bits; `nil` of any other, and where there are none.
    func scales(of weight: Checkpoint.Tensor) -> WeightScales.Scales? {
        WeightScales.of(weight, in: checkpoint, blocks: profile.scaleBlocks)
    }

    /// The format that a tensor's values are of as they are read; `nil` for what cannot be computed with.
    func format(of tensor: Checkpoint.Tensor) -> FloatFormat? {
        FloatFormat(tensor.type) ?? (scales(of: tensor) == nil ? nil : .bfloat16)
    }
}

extension ModelProfile {
    /// Rows and columns of the blocks that share a scale.
    var scaleBlocks: (rows: Int, columns: Int) {
        for section in [json, json?["text_config"]] {
            let sizes = section?["quantization_config"]?["weight_block_size"]?.arrayValue?.compactMap(
                \.intValue)
            if let sizes, sizes.count == 2, sizes.allSatisfy({ (1...1 << 20).contains($0) }) {
                return (sizes[0], sizes[1])
            }
        }
        return (128, 128)
    }
}
