import Della
import Logging
import StreamIO
import SystemPackage

/// The settings in force.
struct DaemonSettings: Hashable, Sendable {
    var spool: FilePath
    var output: FilePath
    var models: [FilePath]
    /// Whether configs may name models outside of `models`.
    var allowsAnyPath = false
    /// Bytes; `nil` leaves the choice to the host's facts.
    var memory: UInt64?
    /// `nil` leaves the choice to the host's facts.
    var threads: Int?
    var engine = IOEngineKind.auto
    /// Whether models' `dellad.json` get the SHA-256 of every file.
    var sha256 = false
    /// How much of a merge is computed anew before it is published.
    var audit = AuditPolicy.auto
    /// Whether models get a report of what their merge did.
    var report = true
    /// Bytes of one file of a model whose config does not say.
    var shardSize = MergePlanner.usualShardSize
    /// How long what a job leaves is kept after its end; `nil` for as long as nobody removes it.
    var clearAfter: Age?
    /// Jobs of one user that may be active at once.
    var jobsPerUser = SpoolMachine.usualJobsPerUser
    /// What fetches models that are missing; `nil` where nothing does.
    var fetchCommand: FetchCommandLine?
    var fetchSpace = FetchSpace.usual
    /// How long fetched models stay that no job uses; `nil` for as long as nobody removes them.
    var fetchKeep: Age?
    var logLevel = Logger.Level.info

    /// The defaults; a service manager that gave a state folder gets spool and output there.
    init(stateFolder: FilePath?) {
        spool = stateFolder?.appending("spool") ?? FilePath(DefaultPath.spool)
        output = stateFolder?.appending("output") ?? FilePath(DefaultPath.output)
        models = [FilePath(DefaultPath.models)]
    }
}
