import Glibc
import StreamIO
import SystemPackage

/// A config that was dropped into a spool, followed through its folders until its job has ended.
///
/// The file is known by its inode: others of its name may have ended before, or come after.
struct AwaitedJob {
    private static let interval: UInt32 = 100_000
    /// How long a status may be late, or the config be nowhere, in intervals.
    private static let patience = 50

    let name: JobName
    let spool: Spool
    private var inode: UInt64
    /// When it was dropped. An older status is another job's.
    private let dropped: Int64

    /// - Parameters:
    ///   - file: the config's state before it was dropped.
    ///   - dropped: the time of its writing.
    init(name: JobName, spool: Spool, file: FileStatus, dropped: Int64) {
        self.name = name
        self.spool = spool
        self.dropped = dropped
        inode = file.inode
    }

    /// Waits for the end, without a limit.
    ///
    /// - Returns: its status, whose state is final.
    mutating func end() throws -> JobStatus {
        var late = 0
        var missing = 0
        while true {
            switch try place() {
            case .incoming?, .active?, .status?: (late, missing) = (0, 0)
            case let folder?:
                if let status = ended(folder, isLate: late >= Self.patience) { return status }
                late += 1
            case nil:
                missing += 1
                guard missing < Self.patience else {
                    throw CommandFailure(
                        "\(name): its config was taken out of the spool, or replaced (dellad status lists the jobs)",
                        .missingInput)
                }
            }
            usleep(Self.interval)
        }
    }

    /// The folder that the config is in, in the order that configs move through them, so that none is missed by a move.
    private mutating func place() throws(IOError) -> Spool.Folder? {
        for fileName in Spool.fileNames(of: name) where try isIt(spool.incoming(fileName)) {
            return .incoming
        }
        let active = spool.config(name, in: .active)
        if try isIt(active) { return .active }
        for folder in [Spool.Folder.failed, .done] where try isIt(spool.config(name, in: folder)) {
            return folder
        }
        // Edited while it was queued: that is what is merged.
        if let edited = try FileSystem.status(active, followLinks: false) {
            inode = edited.inode
            return .active
        }
        return nil
    }

    private func isIt(_ path: FilePath) throws(IOError) -> Bool {
        try FileSystem.status(path, followLinks: false)?.inode == inode
    }

    /// The status of a job whose config is in that folder, once it has been written; without one if it is late.
    private func ended(_ folder: Spool.Folder, isLate: Bool) -> JobStatus? {
        let isFresh = ((try? FileSystem.status(spool.statusFile(name), followLinks: false)) ?? nil).map {
            $0.modified >= dropped
        }
        if isFresh == true, let status = spool.readStatus(name), status.state.isFinal,
            (status.state == .done) == (folder == .done)
        {
            return status
        }
        return isLate ? JobStatus(job: name, state: folder == .done ? .done : .failed, output: "") : nil
    }
}

extension JobStatus {
    /// What a command ends with that waited for the job; 1 where it failed and nothing tells how.
    var outcomeCode: Int32 {
        switch state {
        case .done: 0
        case .cancelled: exitCode ?? CommandFailure.Code.interrupted.rawValue
        case .failed, .queued, .fetching, .merging: exitCode.map { $0 == 0 ? 1 : $0 } ?? 1
        }
    }
}
