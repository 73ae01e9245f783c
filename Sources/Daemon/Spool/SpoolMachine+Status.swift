import StreamIO
import SystemPackage

/// Status files.
extension SpoolMachine {
    func freshStatus(_ name: JobName, _ state: JobState) -> JobStatus {
        JobStatus(job: name, state: state, output: spool.model(name).string)
    }

    /// What the status file says; `nil` where there is none that can be read.
    func status(of name: JobName) -> JobStatus? { spool.readStatus(name) }

    /// Of a config that was just taken. What a failed job has merged that only lacks its last steps is kept: nobody will
    /// count it again.
    func queuedStatus(_ name: JobName) -> JobStatus {
        var status = freshStatus(name, .queued)
        let last = self.status(of: name)
        if let last, last.state == .failed, (try? merging.isComplete(spool.model(name))) == true {
            status.take(from: last)
        }
        status.queuedAt = Timestamp.now.precise
        return status
    }

    /// Writes the status of a job that has ended.
    ///
    /// - Parameter exitCode: of one that failed, where it is known.
    func conclude(
        _ status: JobStatus, as state: JobState? = nil, error: String?, exitCode: Int32? = nil
    ) {
        var status = status
        status.state = state ?? status.state
        status.error = error
        status.etaSeconds = nil
        status.fetching = []
        let now = Timestamp.now
        status.finishedAt = now.precise
        status.exitCode =
            switch status.state {
            case .done: 0
            case .cancelled: CommandFailure.Code.interrupted.rawValue
            case .failed: exitCode
            case .queued, .fetching, .merging: nil
            }
        counts.count { $0.ended(status.state, at: now) }
        write(status)
    }

    /// Keeps what is known of a done job when another job of its name gets the status, as long as its config is there.
    private func keepDoneStatus(before status: JobStatus) throws(IOError) {
        let name = status.job
        guard status.state != .done, try spool.holds(name, in: .done) else { return }
        let isThere = self.status(of: name)?.state == .done
        let unwritten = late.done[name]
        guard isThere || unwritten != nil else { return }
        try spool.betweenSteps("keep the status of the done \(name)")
        if isThere {
            try FileSystem.rename(spool.statusFile(name), to: spool.doneStatusFile(name), replacing: true)
        } else if let unwritten {
            try put(unwritten, at: spool.doneStatusFile(name))
        }
    }

    /// A job that has ended cannot be taken out of `active`, and nothing moves: whoever asks for it is told.
    mutating func stays(_ name: JobName, _ error: any Error) {
        note(error, name, "end the job")
        guard var status = jobs[name]?.status else { return }
        status.state = .queued
        status.bytesPerSecond = 0
        status.etaSeconds = nil
        status.error = "it has ended, but its last steps fail: \(error) (free the cause; it is tried again)"
        jobs[name]?.status = status
        write(status)
    }

    /// A status that cannot be written stops no merge.
    func write(_ status: JobStatus) {
        do {
            try keepDoneStatus(before: status)
            try spool.betweenSteps("write \(status.job).json")
            try put(status, at: spool.statusFile(status.job))
            late.forgetStatus(of: status.job)
        } catch {
            note(error, status.job, "write its status")
            late.add(status)
        }
    }

    private func put(_ status: JobStatus, at path: FilePath) throws(IOError) {
        try FileSystem.replaceAtomically(
            path, with: Array((status.json.serialized(indentedBy: 2) + "\n").utf8), sync: false)
    }

    /// Writes what there was no room for: of jobs that have ended, unless they are gone, and of those that have not. What is
    /// under way again writes its own.
    func writeLate() {
        for (name, reason) in late.reasons {
            do throws(IOError) {
                if try spool.holds(name, in: .failed), jobs[name] == nil {
                    try spool.writeReason(reason, for: name)
                }
                late.forgetReason(of: name)
            } catch {
                note(error, name, "write the reason of its failure")
            }
        }
        for (name, status) in late.done where !isLateGone(name, from: .done) {
            // What came after it keeps it when that is written.
            if jobs[name] == nil, late.statuses[name] == nil { write(status) }
        }
        for (name, status) in late.statuses where !isLateGone(name, from: .failed) {
            if jobs[name] == nil { write(status) }
        }
        for name in late.stale {
            // That of one that has ended is among those above.
            if let job = jobs[name] { write(job.status) } else { late.forgetStale(of: name) }
        }
    }
}

extension SpoolMachine {
    /// Forgets a status whose config is gone.
    private func isLateGone(_ name: JobName, from folder: Spool.Folder) -> Bool {
        guard (try? spool.holds(name, in: folder)) == false else { return false }
        late.forgetStatus(of: name, from: folder)
        return true
    }
}

extension Spool {
    /// The most bytes of a status file.
    static let statusLimit = 4 << 20

    func readStatus(_ name: JobName) -> JobStatus? { readStatus(statusFile(name)) }

    /// What is known of the job whose config is in `done`; `nil` where nothing is.
    func doneStatus(of name: JobName) -> JobStatus? {
        if let status = readStatus(name), status.state == .done { return status }
        return readStatus(doneStatusFile(name)).flatMap { $0.state == .done ? $0 : nil }
    }

    /// That of a job that was cancelled as its config was moved to `done`; `nil` where there is none.
    func withdrawnStatus(of name: JobName) -> JobStatus? {
        guard let status = readStatus(name), status.state == .cancelled,
            (try? holds(name, in: .failed)) == false
        else { return nil }
        return status
    }

    func readStatus(_ path: FilePath) -> JobStatus? {
        guard
            let bytes = try? FileSystem.readWhole(path, limit: Self.statusLimit, followLinks: false),
            let json = try? JSON(parsing: bytes)
        else { return nil }
        return JobStatus(json)
    }
}
