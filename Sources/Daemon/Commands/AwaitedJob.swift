import Glibc
import StreamIO
import SystemPackage

/// A config that was dropped into a spool, and the job that it becomes, followed until that has ended.
///
/// Until it is taken the file is known by its inode: others of its name may have ended before, or come after. From
/// then on its job is known by the time that it was queued, and what the daemon says of it counts, wherever somebody
/// puts the config.
struct AwaitedJob {
    private static let interval: UInt32 = 100_000
    /// How long a status may be late, or the config be nowhere, in intervals.
    private static let patience = 50

    let name: JobName
    let spool: Spool
    private var inode: UInt64
    /// When it was dropped. An older status is another job's.
    private let dropped: Int64
    /// When it was last in `incoming`. A job that was queued before is another one.
    private var waited: Timestamp
    /// When its job was queued, as the status says; `nil` while that is not known.
    private var queued: String?

    /// - Parameters:
    ///   - file: the config's state before it was dropped.
    ///   - dropped: the time of its writing.
    init(name: JobName, spool: Spool, file: FileStatus, dropped: Int64) {
        self.name = name
        self.spool = spool
        self.dropped = dropped
        inode = file.inode
        waited = Timestamp(seconds: dropped / WallTime.second, nanoseconds: Int32(dropped % WallTime.second))
    }

    /// Waits for the end, without a limit.
    ///
    /// - Returns: its status, whose state is final.
    mutating func end() throws -> JobStatus {
        var late = 0
        var missing = 0
        while true {
            let now = Timestamp.now
            let place = try place()
            // Put back, it is a job of its own.
            if place == .incoming { (queued, waited) = (nil, now) }
            var status = status(place)
            if let status, status.state.isFinal { return status }
            queued = queued ?? status?.queuedAt
            // It has ended, and the disk has no room for its status.
            if place == .failed || place == .done, status?.state == .merging, isSilent(now) { status = nil }
            switch (place, status) {
            case (_, .some), (.incoming?, _), (.active?, _), (.status?, _): (late, missing) = (0, 0)
            case (let folder?, nil):
                late += 1
                if late > Self.patience {
                    return JobStatus(job: name, state: folder == .done ? .done : .failed, output: "")
                }
            case (nil, nil):
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
        // Edited before a status told of its job: that is what is merged.
        if queued == nil, let edited = try FileSystem.status(active, followLinks: false) {
            inode = edited.inode
            return .active
        }
        return nil
    }

    private func isIt(_ path: FilePath) throws(IOError) -> Bool {
        try FileSystem.status(path, followLinks: false)?.inode == inode
    }

    private func isSilent(_ now: Timestamp) -> Bool {
        let file = (try? FileSystem.status(spool.statusFile(name), followLinks: false)) ?? nil
        return file.map { now.seconds - $0.modified / WallTime.second > SpoolView.freshness } ?? true
    }

    /// What the daemon says of the job; `nil` where it says nothing yet, or speaks of another one.
    private func status(_ place: Spool.Folder?) -> JobStatus? {
        if let queued {
            // A later job of the name may have the status by now.
            return [spool.statusFile(name), spool.doneStatusFile(name)].lazy.compactMap {
                spool.readStatus($0)
            }
            .first { $0.queuedAt == queued }
        }
        guard place != .incoming else { return nil }
        let last = fresh(spool.statusFile(name))
        // One that is in `active` has not ended: that is what came before it.
        if place == .active { return last.flatMap { $0.state.isFinal ? nil : $0 } }
        // It may be done, and a later job of the name refused, since it was looked for last.
        return (place == .failed ? nil : fresh(spool.doneStatusFile(name))) ?? last
    }

    /// A status that was written since the config was dropped, of a job that was queued, or refused, since it was last in
    /// `incoming`.
    private func fresh(_ path: FilePath) -> JobStatus? {
        guard let file = (try? FileSystem.status(path, followLinks: false)) ?? nil, file.modified >= dropped,
            let status = spool.readStatus(path),
            let time = (status.queuedAt ?? status.finishedAt).flatMap({ Timestamp($0) }),
            // Written to the millisecond.
            time.seconds(since: waited) > -0.001
        else { return nil }
        return status
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
