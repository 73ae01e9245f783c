import StreamIO
import SystemPackage

/// What a pipeline asks of the run around it.
struct PipelineEnvironment {
    /// The folder of the shards; every shard is there, its space reserved.
    let folder: FilePath
    /// Makes a record of progress durable.
    let journal: (JournalRecord) throws(IOError) -> Void
}
