import Della
import Synchronization
import SystemPackage

/// One run of a job, shared by the thread that merges and the loop that watches.
final class JobRun: Sendable {
    let name: JobName
    /// The config as it was read.
    let config: [UInt8]
    let spool: Spool
    let progress = MergeProgress()
    let stop = StopRequest()
    let planning: PlanningNote
    private let planned = Mutex([String]())
    private let folders = Mutex(Set<FilePath>())
    private let published = Atomic(false)
    private let ended = Mutex<JobOutcome?>(nil)

    init(name: JobName, config: [UInt8], spool: Spool) {
        self.name = name
        self.config = config
        self.spool = spool
        planning = PlanningNote(spool.planningNote(name), boot: Host().bootIdentifier)
    }

    /// Warnings of the plan, then of the merge.
    var warnings: [String] { planned.withLock { $0 } + progress.warnings }

    /// What the plan says that the reader of the config should know.
    func warn(_ warnings: [String]) { planned.withLock { $0 += warnings } }

    /// The folders of the models that it merges, once they are known.
    var modelFolders: Set<FilePath> { folders.withLock { $0 } }

    /// Takes note of the folders of the models.
    func uses(_ folders: Set<FilePath>) { self.folders.withLock { $0 = folders } }

    /// Whether the model has its name, which no later failure takes back.
    var isPublished: Bool { published.load(ordering: .acquiring) }

    /// The job's part of publication: its config goes to `done`.
    func moveConfig() throws {
        published.store(true, ordering: .releasing)
        try spool.finish(name, text: config)
    }

    /// How the run ended; `nil` while it has not.
    var outcome: JobOutcome? { ended.withLock { $0 } }

    func end(_ outcome: JobOutcome) { ended.withLock { $0 = outcome } }
}
