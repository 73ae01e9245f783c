import StreamIO
import SystemPackage

/// What the workers of one file share.
struct ShardWork: Sendable {
    var shard: SyntheticShard
    var options: SynthesisOptions
    /// The tensors of the shape, by position among the checkpoint's.
    var weights: [CheckpointShape.Tensor]
    var normal: NormalSource
    var base: SynthesisBase?
    var file: OpenFile.Reference
    var path: FilePath
}
