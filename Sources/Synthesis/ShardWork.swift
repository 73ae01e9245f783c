import StreamIO
import SystemPackage

/// What the workers of one file share.
struct ShardWork: Sendable {
    var shard: SyntheticShard
    var options: SynthesisOptions
    var normal: NormalSource
    var base: SynthesisBase?
    var file: OpenFile.Reference
    var path: FilePath
}
