import StreamIO
import SystemPackage

/// What a host grants a merge. None of it changes the output's weights.
public struct MergeOptions: Sendable {
    /// Bounds every buffer of the merge, in bytes.
    public var memory: UInt64
    /// The most threads that compute: more than any host has cores.
    public static let threadLimit = 1024

    /// Threads that compute, at most `threadLimit`.
    public var threads: Int
    public var engine: IOEngineKind
    /// Whether `dellad.json` gets the SHA-256 of every file.
    public var sha256: Bool
    /// The vector instructions to compute with; `nil` for `DELLAD_SIMD`'s, or else the best of this CPU.
    public var level: SIMDLevel?
    /// Where a Chrome trace of the stages is written.
    public var trace: FilePath?
    /// What is said of a trace that is asked for where nothing was left to do.
    public var untracedText: String? {
        trace.map { "--trace \($0): nothing was done that could be traced: no trace is written" }
    }
    /// How much is computed anew before it is published.
    public var audit = AuditPolicy.off
    /// Whether figures are taken for a report, which stands beside the weights then.
    public var report = false
    /// How memory is to be taken to come, in tests; measured where it is `nil`.
    var isMemoryQuick: Bool?

    public init(
        memory: UInt64, threads: Int, engine: IOEngineKind = .auto, sha256: Bool = false,
        level: SIMDLevel? = nil, trace: FilePath? = nil,
        audit: AuditPolicy = .off, report: Bool = false
    ) {
        self.memory = memory
        self.threads = min(threads, Self.threadLimit)
        self.engine = engine
        self.sha256 = sha256
        self.level = level
        self.trace = trace
        self.audit = audit
        self.report = report
    }
}
