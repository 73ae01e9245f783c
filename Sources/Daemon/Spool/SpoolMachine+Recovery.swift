import Della
import StreamIO
import SystemPackage

/// What a start decides, from the disk alone.
extension SpoolMachine {
    /// Rebuilds the picture of the spool: every active config is a job; what is complete is finished; statuses
    /// that say otherwise are put right.
    ///
    /// - Throws: where the folders cannot be made or read.
    mutating func recover(now: ContinuousClock.Instant) throws {
        try spool.createFolders()
        let active = try spool.entries(in: .active)
        for fileName in active { recover(fileName) }
        for fileName in active { forgetCrashes(fileName) }
        for name in jobs.keys.sorted() {
            do {
                _ = try finishPublished(name, mayName: true)
            } catch {
                note(error, name, "finish publishing")
            }
        }
        finishForgetting()
        try reconcileStatuses()
        for job in jobs.values { write(job.status) }
        scan(now: now)
        if !jobs.isEmpty {
            note(
                .info, nil,
                "going on with \(Figure.count(jobs.count, "job")) that \(jobs.count == 1 ? "was" : "were") queued or merging"
            )
        }
    }

    private mutating func recover(_ fileName: String) {
        guard fileName.hasSuffix(".yml"), !fileName.hasPrefix(".") else { return }
        guard let name = JobName(fileName.dropLast(4)),
            let status = (try? FileSystem.status(spool.config(name, in: .active), followLinks: false))
                ?? nil
        else {
            note(.warning, nil, "active/\(fileName.printable(atMost: 160)): is no job (take it out)")
            return
        }
        adopt(name, status)
    }

    /// Removes the crash notes of a job that has left `active`: the daemon died between the two.
    private mutating func forgetCrashes(_ fileName: String) {
        guard let suffix = [".crashes", ".planning"].first(where: { fileName.hasSuffix($0) }),
            fileName.hasPrefix("."), let name = JobName(fileName.dropFirst().dropLast(suffix.count)),
            jobs[name] == nil
        else { return }
        do {
            try spool.removeCrashNotes(of: name)
        } catch {
            note(.warning, name, "remove crash notes: \(error)")
        }
    }

    /// Models that were published whose journal is still there: the daemon died after their configs went to
    /// `done`.
    private func finishForgetting() {
        guard let names = try? FileSystem.entries(of: spool.output) else { return }
        let all = Set(names)
        for entry in names where entry.hasPrefix(".") {
            // Of a recipe whose result is not begun there are the stages alone.
            guard let suffix = [".journal", ".parts"].first(where: { entry.hasSuffix($0) }),
                let name = JobName(entry.dropFirst().dropLast(suffix.count)), jobs[name] == nil,
                suffix == ".journal" || !all.contains(".\(name).journal")
            else { continue }
            guard (try? spool.holds(name, in: .done)) == true else {
                if (try? spool.holds(name, in: .failed) || spool.isWaiting(name)) == false {
                    note(
                        .info, name,
                        "a merge was begun whose config is not in the spool (drop it again to go on, or remove \(entry)"
                            + (suffix == ".journal" ? " and its partial folder)" : ")"))
                }
                continue
            }
            do throws(JobFailure) {
                if try merging.finishPublished(
                    spool.model(name), config: nil, mayName: false, moveConfig: {})
                {
                    note(.info, name, "done: removed its journal")
                }
            } catch {
                note(.error, name, "remove the journal: \(error.message)")
            }
        }
    }

    /// Where a config lies is what became of its job; a status that says otherwise, or is missing, is from
    /// before a crash.
    private func reconcileStatuses() throws(IOError) {
        for entry in try spool.entries(in: .done) {
            guard let name = configName(entry), jobs[name] == nil else { continue }
            let last = status(of: name)
            // A later job of the name that failed has the status then.
            let hasFailed = try spool.holds(name, in: .failed)
            let isLast = last?.state == .done || !hasFailed
            // Moved there while it was queued: nothing of it was merged.
            if last?.state == .cancelled, isLast, spool.doneStatus(of: name) == nil,
                try FileSystem.status(spool.model(name), followLinks: false) == nil
            {
                continue
            }
            if isLast, last?.state != .done {
                if let kept = spool.doneStatus(of: name) {
                    write(kept)
                } else {
                    conclude(last ?? freshStatus(name, .done), as: .done, error: nil)
                }
            }
            // Written when the job ended.
            let path = isLast ? spool.statusFile(name) : spool.doneStatusFile(name)
            guard let written = try FileSystem.status(path, followLinks: false) else { continue }
            let seconds = written.modified / WallTime.second
            counts.count { $0.lastSuccess = max($0.lastSuccess ?? seconds, seconds) }
        }
        for entry in try spool.entries(in: .failed) {
            guard let name = configName(entry), jobs[name] == nil else { continue }
            let last = status(of: name)
            if last?.state != .failed, last?.state != .cancelled {
                concludeFailed(
                    last?.state == .done ? freshStatus(name, .failed) : last ?? freshStatus(name, .failed))
            }
        }
        for entry in try spool.entries(in: .status) {
            guard entry.hasSuffix(".json"), let name = JobName(entry.dropLast(".json".count)),
                jobs[name] == nil,
                let last = status(of: name), !last.state.isFinal
            else { continue }
            try FileSystem.remove(spool.statusFile(name))
        }
    }

    private func configName(_ entry: String) -> JobName? {
        entry.hasSuffix(".yml") ? JobName(entry.dropLast(".yml".count)) : nil
    }

    private func concludeFailed(_ status: JobStatus) {
        let reason = spool.readReason(of: status.job)
        let isCancelled = reason == Self.cancelledReason
        conclude(
            status, as: isCancelled ? .cancelled : .failed,
            error: reason ?? "it is not known why (retry it)")
    }
}
