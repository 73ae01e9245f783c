import Della
import StreamIO
import SystemPackage

/// What a daemon says of itself in its spool: where its models and its output are, so that a config can be looked at
/// before it is dropped, with the daemon's own eyes and whatever settings it was started with.
struct DaemonRecord: Hashable, Sendable {
    static let fileName = ".dellad.json"
    private static let byteLimit = 64 << 10
    private static let schema = 1

    /// Absolute, as the others are.
    var output: FilePath
    var models: [FilePath]
    var allowsAnyPath: Bool
    var shardSize: UInt64
    /// The budget, in bytes.
    var memory: UInt64
    var threads: Int
    /// Whether models that are missing are fetched.
    var fetches: Bool

    /// - Parameter workingDirectory: where relative folders are.
    init(_ settings: DaemonSettings, options: MergeOptions, workingDirectory: FilePath) {
        func absolute(_ path: FilePath) -> FilePath { workingDirectory.pushing(path) }
        output = absolute(settings.output)
        models = settings.models.map(absolute)
        allowsAnyPath = settings.allowsAnyPath
        shardSize = settings.shardSize
        memory = options.memory
        threads = options.threads
        fetches = settings.fetchCommand != nil
    }

    /// Of a daemon that nothing is known of: no models, and a budget that refuses nothing.
    static let unknown = DaemonRecord()

    private init() {
        output = ""
        models = []
        allowsAnyPath = true
        shardSize = MergePlanner.usualShardSize
        memory = 1 << 50
        threads = 1
        fetches = false
    }

    /// Reads a spool's; `nil` where no daemon of this version has served it.
    init?(in spool: FilePath) {
        guard
            let bytes = try? FileSystem.readWhole(
                spool.appending(Self.fileName), limit: Self.byteLimit, followLinks: false),
            let json = try? JSON(parsing: bytes), json["schema"]?.intValue == Self.schema,
            let output = json["output"]?.stringValue, let models = json["models"]?.arrayValue,
            let memory = json["memory_bytes"]?.intValue, memory > 0,
            let shardSize = json["shard_size_bytes"]?.intValue, shardSize > 0,
            let threads = json["threads"]?.intValue, (1...1024).contains(threads)
        else { return nil }
        self.output = FilePath(output)
        self.models = models.compactMap { $0.stringValue.map { FilePath($0) } }
        allowsAnyPath = json["allow_any_path"]?.boolValue ?? false
        self.shardSize = UInt64(shardSize)
        self.memory = UInt64(memory)
        self.threads = threads
        fetches = json["fetches"]?.boolValue ?? false
    }

    /// Replaces what an earlier daemon said.
    func write(in spool: FilePath) throws(IOError) {
        let json = JSON.object(
            JSONObject([
                ("schema", .int(Self.schema)),
                ("output", .string(output.string)),
                ("models", .array(models.map { .string($0.string) })),
                ("allow_any_path", .bool(allowsAnyPath)),
                ("shard_size_bytes", .int(Int(clamping: shardSize))),
                ("memory_bytes", .int(Int(clamping: memory))),
                ("threads", .int(threads)),
                ("fetches", .bool(fetches)),
            ]))
        try FileSystem.replaceAtomically(
            spool.appending(Self.fileName), with: Array((json.serialized(indentedBy: 2) + "\n").utf8),
            sync: false)
    }

    /// The planner that the daemon would plan with.
    var planner: MergePlanner {
        MergePlanner(
            library: ModelLibrary(folders: models, workingDirectory: nil, allowsAnyPath: allowsAnyPath),
            shardSize: shardSize, threads: threads, memory: memory)
    }
}
