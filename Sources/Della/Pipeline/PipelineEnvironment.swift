import StreamIO
import SystemPackage

/// What a pipeline asks of the run around it.
struct PipelineEnvironment {
    /// The folder of the shards; every shard is there, its space reserved.
    let folder: FilePath
    /// What models are read from.
    let readable: ReadableFolders
    /// Whether the SHA-256 of every shard is taken.
    let takesSHA256: Bool
    /// How memory is to be taken to come, in tests; measured where it is `nil`.
    let isMemoryQuick: Bool?
    /// Told the figures of each tensor once they are whole, in whatever order that is; the models are read for these
    /// alone then, and nothing is written. `nil` where they are merged.
    var measured: ((TensorPlace, TensorStatistics?) -> Void)?
    /// Makes figures of whole tensors durable, and returns how many bytes of the merge's there are; `nil` where none are
    /// taken.
    var statistics: (([UInt8]) throws(IOError) -> UInt64)?
    /// Makes a record of progress durable.
    let journal: (JournalRecord) throws(IOError) -> Void

    /// Whether figures are taken.
    var takesFigures: Bool { statistics != nil || measured != nil }
}
