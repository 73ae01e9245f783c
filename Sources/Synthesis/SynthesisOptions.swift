import StreamIO
import SystemPackage

/// What `synth` writes.
package struct SynthesisOptions: Sendable {
    package var shape: CheckpointShape
    /// Equal seeds give equal bytes, whatever the number of threads.
    package var seed: UInt64
    /// The checkpoint that a fine-tune is made of; its tensors must be the shape's, in bfloat16.
    package var base: FilePath?
    /// The standard deviation of what is added to the base.
    package var scale: Float
    /// The most bytes of tensors in one file.
    package var shardSize: UInt64
    /// Bytes of one file where nobody says.
    package static let usualShardSize: UInt64 = 5_000_000_000
    /// Threads that generate; two more overlap their writes with it.
    package var threads: Int
    package var format: CheckpointFormat

    package init(
        shape: CheckpointShape, seed: UInt64 = 0, base: FilePath? = nil, scale: Float = 0.002,
        shardSize: UInt64 = Self.usualShardSize, threads: Int, format: CheckpointFormat = .safetensors
    ) {
        self.shape = shape
        self.seed = seed
        self.base = base
        self.scale = scale
        self.shardSize = shardSize
        self.threads = threads
        self.format = format
    }
}
