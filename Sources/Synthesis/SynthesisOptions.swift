import StreamIO
import SystemPackage

/// What `synth` writes.
package struct SynthesisOptions: Sendable {
    package var shape: CheckpointShape
    /// Equal seeds give equal bytes, whatever the number of threads.
    package var seed: UInt64
    /// The checkpoint that a fine-tune or an adapter is made of; its tensors must be the shape's, and for a fine-tune
    /// bfloat16.
    package var base: FilePath?
    /// The standard deviation of what is added to the base, by an adapter too.
    package var scale: Float
    /// The most bytes of tensors in one file.
    package var shardSize: UInt64
    /// Bytes of one file where nobody says.
    package static let usualShardSize: UInt64 = 5_000_000_000
    /// Threads that generate; two more overlap their writes with it.
    package var threads: Int
    package var format: CheckpointFormat
    /// The rank of an adapter, which is written in place of a model.
    package var adapterRank: Int?
    /// Whether the tokenizer has as many tokens as the embedding rows, and not a few letters.
    package var hasWholeTokenizer: Bool
    /// Whether linear weights are written in 8 bits, with scales by block. Not as `.torch`.
    package var isQuantised: Bool

    package init(
        shape: CheckpointShape, seed: UInt64 = 0, base: FilePath? = nil, scale: Float = 0.002,
        shardSize: UInt64 = Self.usualShardSize, threads: Int, format: CheckpointFormat = .safetensors,
        adapterRank: Int? = nil, hasWholeTokenizer: Bool = false, isQuantised: Bool = false
    ) {
        self.shape = shape
        self.seed = seed
        self.base = base
        self.scale = scale
        self.shardSize = shardSize
        self.threads = threads
        self.format = format
        self.adapterRank = adapterRank
        self.hasWholeTokenizer = hasWholeTokenizer
        self.isQuantised = isQuantised
    }

    /// The adapter that is to be written; `nil` of models.
    var adapter: SyntheticAdapter? {
        adapterRank.map { SyntheticAdapter(shape: shape, rank: $0, scale: scale, base: base) }
    }

    /// The files of weights.
    var shards: [SyntheticShard] {
        if let adapter {
            return SyntheticShard.layout(
                adapter.tensors, limit: .max, format: format, fileName: adapter.fileName(format))
        }
        return SyntheticShard.layout(
            isQuantised ? shape.quantisedTensors : shape.tensors, limit: shardSize, format: format)
    }

    /// Name and content of the files beside the weights, but for an index and a whole tokenizer.
    var companions: [(name: String, text: String)] {
        if let adapter { return [("adapter_config.json", adapter.configuration)] }
        return shape.companions(isQuantised: isQuantised, hasTokenizer: !hasWholeTokenizer)
    }

    /// The standard deviation of a model's weights that are drawn with `deviation`.
    func deviation(_ deviation: Float) -> Float {
        base == nil ? deviation : (deviation * deviation + scale * scale).squareRoot()
    }
}
