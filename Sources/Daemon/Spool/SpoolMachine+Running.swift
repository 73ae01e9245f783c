import StreamIO
import SystemPackage

/// From queued to an end.
extension SpoolMachine {
    /// The next job's run, if none is under way and one may start: the oldest, then by name.
    mutating func startNext(now: ContinuousClock.Instant) -> JobRun? {
        while running == nil {
            let candidates = jobs.values.filter { job in
                job.phase == .queued && job.notBefore.map { $0 <= now } ?? true
            }
            guard let next = candidates.min(by: Job.isBefore) else { return nil }
            do {
                if let run = try prepare(next.name) {
                    begin(run, now: now)
                    return run
                }
            } catch {
                // Not this job's fault alone: the next scan tries again.
                note(error, next.name, "start the job")
                jobs[next.name]?.notBefore = now + IncomingWatch.scanInterval
            }
        }
        return nil
    }

    /// What has to hold before a job runs. `nil` where it has ended instead.
    private mutating func prepare(_ name: JobName) throws -> JobRun? {
        // It may lie in failed or done by now, where nothing of it is older.
        guard try spool.holds(name, in: .active) else {
            takenOut(name)
            return nil
        }
        try spool.removeOlderEntries(of: name)
        // One that lacks its name is the merge's matter: its models may have changed since.
        if try finishPublished(name, mayName: false) { return nil }
        let notes = CrashNotes(try text(of: spool.crashNotes(name)))
        if notes.isPoison {
            fail(name, notes.reason, .crashes)
            return nil
        }
        let boot = Host().bootIdentifier
        if PlanningNote.count(at: spool.planningNote(name), boot: boot) >= PlanningNote.limit {
            fail(name, PlanningNote.reason, .crashes)
            return nil
        }
        if try FileSystem.status(spool.model(name), followLinks: false) != nil {
            fail(
                name, "\(spool.model(name)): exists (move it away, or rename the config)", .cannotCreate)
            return nil
        }
        switch try DroppedConfig.read(spool.config(name, in: .active)) {
        case .success(let config)?:
            return JobRun(name: name, config: config, spool: spool)
        case .failure(let refusal)?:
            fail(name, refusal.reason, .badData)
        case nil: takenOut(name)
        }
        return nil
    }

    private mutating func takenOut(_ name: JobName) {
        note(.warning, name, "its config was taken out of active")
        leave(name, .cancelled)
    }

    private func text(of path: FilePath) throws(IOError) -> String {
        guard try FileSystem.status(path, followLinks: false) != nil else { return "" }
        return String(
            decoding: try FileSystem.readWhole(path, limit: 1 << 16, followLinks: false), as: UTF8.self)
    }

    private mutating func begin(_ run: JobRun, now: ContinuousClock.Instant) {
        running = run
        began = (now, jobs[run.name]?.status.seconds ?? 0)
        jobs[run.name]?.phase = .running
        change(run.name) { status in
            status.state = .merging
            status.error = nil
            status.startedAt = status.startedAt ?? Timestamp.now.precise
        }
        note(.info, run.name, "merging")
    }

    /// Takes note of how the run under way is doing, for its status.
    mutating func progressed(now: ContinuousClock.Instant, _ change: (inout JobStatus) -> Void) {
        guard let run = running else { return }
        let worked = seconds(until: now)
        self.change(run.name) { status in
            status.seconds = worked
            change(&status)
        }
    }

    /// How long the job that is merging was worked on, in its earlier runs too.
    private func seconds(until now: ContinuousClock.Instant) -> Double? {
        began.map { $0.before + max(0, (now - $0.at) / .seconds(1)) }
    }

    mutating func change(_ name: JobName, _ change: (inout JobStatus) -> Void) {
        guard var status = jobs[name]?.status else { return }
        change(&status)
        jobs[name]?.status = status
        write(status)
    }

    /// The run under way has ended.
    mutating func ended(_ outcome: JobOutcome, now: ContinuousClock.Instant) {
        guard let run = running, let job = jobs[run.name] else { return }
        let worked = seconds(until: now)
        running = nil
        jobs[run.name]?.status.seconds = worked
        jobs[run.name]?.wants = []
        if clearsFetched { for folder in run.modelFolders { used[folder] = Timestamp.now.seconds } }
        jobs[run.name]?.status.warnings = run.warnings
        let figures = run.progress.snapshot
        jobs[run.name]?.status.progress = figures
        if !run.progress.report.isEmpty { jobs[run.name]?.status.report = run.progress.report }
        counts.count { tally in
            tally.bytesRead += figures.bytesRead
            tally.bytesWritten += figures.bytesWritten
            if case .failed(let failure) = outcome, failure.isRetryable { tally.ioErrors += 1 }
        }
        switch outcome {
        case .done(let report):
            if job.cancel != nil { note(.warning, run.name, "the cancel came after the merge was complete") }
            jobs[run.name]?.status.report = report.lines
            complete(run.name)
            note(
                .info, run.name,
                "done: \(Figure.bytes(report.outputBytes)) in \(Figure.duration(report.seconds)), \(spool.model(run.name))"
            )
        case .stopped where job.cancel == nil && isTakenOut(run.name): takenOut(run.name)
        case .stopped where job.cancel == nil:
            jobs[run.name]?.phase = .queued
            change(run.name) { $0.state = .queued }
            note(.info, run.name, "stopped; goes on at the next start")
        case .failed(let failure) where run.isPublished:
            note(.warning, run.name, "its model is complete, but: \(failure.message)")
            leave(run.name, .done)
        case .failed(let failure) where job.cancel == nil:
            failed(run.name, failure, now: now)
        case .missing(let models, let failure) where job.cancel == nil:
            missed(models, failure, of: run.name)
        case .stopped, .failed, .missing:
            leave(run.name, .cancelled)
        }
    }

    private mutating func failed(_ name: JobName, _ failure: JobFailure, now: ContinuousClock.Instant) {
        let attempts = (jobs[name]?.attempts ?? 0) + 1
        guard failure.isRetryable, attempts <= failure.retries else {
            leave(name, .failed(failure))
            return
        }
        let delay = RetryDelay.after(attempt: attempts)
        jobs[name]?.attempts = attempts
        jobs[name]?.phase = .queued
        jobs[name]?.notBefore = now + delay
        change(name) { status in
            status.state = .queued
            status.error = failure.message
        }
        note(
            .warning, name,
            "retry \(attempts) of \(failure.retries) in \(Figure.duration(delay / .seconds(1))): \(failure.message)"
        )
    }

    // MARK: Ends

    private mutating func fail(_ name: JobName, _ reason: String, _ code: CommandFailure.Code) {
        leave(name, .failed(JobFailure(message: reason, exitCode: code.rawValue)))
    }

    mutating func leave(_ name: JobName, _ departure: Job.Departure) {
        jobs[name]?.phase = .leaving(departure)
        depart(name)
    }

    /// Takes a job that leaves out of `active`; stays, and is tried again at the next scan, where the disk
    /// does not let it.
    mutating func depart(_ name: JobName) {
        guard let job = jobs[name], case .leaving(let departure) = job.phase else { return }
        do {
            var reason = Self.cancelledReason
            var state = JobState.cancelled
            var exitCode: Int32?
            switch departure {
            case .done:
                // Where the journal is gone, no more than the config's own move can be left.
                if try finishPublished(name, mayName: false) { return }
                try spool.finish(name, text: nil)
                return complete(name)
            case .failed(let failure):
                (reason, state, exitCode) = (failure.message, .failed, failure.exitCode)
            case .cancelled:
                // A model that has its name stays: the cancel came too late.
                if try finishPublished(name, mayName: false) { return }
                try merging.discard(spool.model(name))
            }
            try leaveActive(name, reason: reason)
            try spool.removeCrashNotes(of: name)
            jobs[name] = nil
            conclude(job.status, as: state, error: reason, exitCode: exitCode)
            note(
                state == .failed ? .error : .info, name, state == .failed ? "failed: \(reason)" : "cancelled")
            dropCancel(of: job)
        } catch {
            stays(name, error)
        }
    }

    private func leaveActive(_ name: JobName, reason: String) throws(IOError) {
        do {
            try spool.fail(name, reason: reason)
        } catch  where error.errno == .noSpace || error.errno == .diskQuotaExceeded {
            // It has left; only its reason found no room.
            if try spool.holds(name, in: .active) { throw error }
            note(error, name, "write the reason of its failure")
            late.add(reason, of: name)
        }
    }

    /// Finishes the last steps of a job whose merge, of the config that is active, is complete. False where it is not.
    mutating func finishPublished(_ name: JobName, mayName: Bool) throws -> Bool {
        let spool = spool
        // The config is read where it matters only: this is asked of every job.
        guard try merging.isComplete(spool.model(name)),
            try merging.finishPublished(
                spool.model(name), config: activeConfig(name), mayName: mayName,
                moveConfig: { try spool.finish(name, text: nil) })
        else { return false }
        complete(name)
        note(.info, name, "done: finished publishing \(spool.model(name))")
        return true
    }

    private func isTakenOut(_ name: JobName) -> Bool {
        (try? spool.holds(name, in: .active)) == false
    }

    /// The config of an active job; `nil` where it was taken away, or is none.
    private func activeConfig(_ name: JobName) throws(IOError) -> [UInt8]? {
        guard case .success(let config)? = try DroppedConfig.read(spool.config(name, in: .active)) else {
            return nil
        }
        return config
    }

    private mutating func complete(_ name: JobName) {
        guard let job = jobs[name] else { return }
        do {
            try spool.removeCrashNotes(of: name)
        } catch {
            note(error, name, "remove what is left of the job")
        }
        jobs[name] = nil
        var status = job.status
        // Nothing was left but its last steps.
        if status.progress.tensorsTotal == 0, let earlier = job.earlier { status.take(from: earlier) }
        status.etaSeconds = nil
        conclude(status, as: .done, error: nil)
        dropCancel(of: job)
    }
}
