import StreamIO
import SystemPackage

/// Cancels and retries.
extension SpoolMachine {
    /// Cancels what is of that name and no newer than the request: an active job, then a config that waits.
    /// The request goes when its effect is on the disk, so that a crash repeats it.
    mutating func cancel(_ name: JobName, _ request: ReadyFile) throws(IOError) {
        var isHandled = false
        // Put into active by somebody else, and not taken up yet.
        if jobs[name] == nil, try spool.holds(name, in: .active) { takeUp(name) }
        // Or replaced since the last scan.
        let config = try FileSystem.status(spool.config(name, in: .active), followLinks: false)
        let mayBeReplaced = jobs[name]?.phase == .queued || jobs[name]?.phase == .fetching
        if mayBeReplaced, let config { jobs[name]?.modified = config.modified }
        if let job = jobs[name] {
            guard job.cancel == nil else { return }
            if job.modified > request.modified {
                note(.warning, name, "the cancel is older than the config and is ignored")
            } else if job.phase == .running {
                jobs[name]?.cancel = request.fileName
                running?.stop.request()
                note(.info, name, "cancelling")
                return
            } else {
                isHandled = true
                jobs[name]?.cancel = request.fileName
                jobs[name]?.phase = .leaving(.cancelled)
                depart(name)
                guard jobs[name] == nil else { return }
            }
        }
        if try cancelWaiting(name, noNewerThan: request.modified) { isHandled = true }
        if !isHandled, jobs[name] == nil { try cancelEnded(name) }
        try drop(request)
    }

    /// Cancels the configs of that name that are still in `incoming`. Whether there was one.
    private mutating func cancelWaiting(_ name: JobName, noNewerThan modified: Int64) throws(IOError) -> Bool
    {
        var isHandled = false
        for fileName in Spool.fileNames(of: name) {
            let path = spool.incoming(fileName)
            guard let status = try FileSystem.status(path, followLinks: false), status.modified <= modified
            else { continue }
            isHandled = true
            try spool.refuse(fileName, as: name, reason: Self.cancelledReason)
            watch.forget(fileName)
            conclude(freshStatus(name, .cancelled), error: Self.cancelledReason)
            // A newer one of the name that is active stays, and the status is its own.
            if let job = jobs[name] { write(job.status) }
            note(.info, name, "cancelled before it was queued")
        }
        return isHandled
    }

    /// Removes the request that a job was cancelled with, which has ended now; what waits behind the job is cancelled
    /// with it.
    mutating func dropCancel(of job: Job) {
        guard let fileName = job.cancel else { return }
        do throws(IOError) {
            if let status = try FileSystem.status(spool.incoming(fileName), followLinks: false) {
                _ = try cancelWaiting(job.name, noNewerThan: status.modified)
            }
            try drop(fileName)
        } catch {
            note(error, job.name, "remove \(fileName)")
        }
    }

    static let cancelledReason = "cancelled (to merge it after all, retry it)"

    /// A failed job may have a partial output that waits for a retry.
    private mutating func cancelEnded(_ name: JobName) throws(IOError) {
        guard try spool.holds(name, in: .failed) else {
            note(.warning, name, "there is nothing to cancel")
            return
        }
        do throws(JobFailure) {
            // A model that has its name stays.
            let spool = spool
            if try merging.finishPublished(
                spool.model(name), config: nil, mayName: false, moveConfig: { try spool.finishFailed(name) })
            {
                conclude(status(of: name) ?? freshStatus(name, .done), as: .done, error: nil)
                note(.warning, name, "the cancel came after the merge was complete")
                return
            }
            try merging.discard(spool.model(name))
        } catch {
            note(.error, name, "remove the partial output: \(error.message)")
            return
        }
        try spool.writeReason(Self.cancelledReason, for: name)
        conclude(
            status(of: name) ?? freshStatus(name, .cancelled), as: .cancelled, error: Self.cancelledReason)
        note(.info, name, "cancelled after it had failed")
    }

    /// Moves a failed config back to `incoming`, where it is taken at once.
    mutating func retry(_ name: JobName, _ request: ReadyFile) throws(IOError) {
        // A cancel under way puts the config into `failed` first.
        if jobs[name]?.cancel != nil { return }
        if try spool.retry(name) {
            _ = watch.noticed("\(name).yml", now: .now)
            note(.info, name, "retrying")
        } else if try spool.isWaiting(name) {
            note(.warning, name, "not retried: a newer config of that name waits")
        } else {
            note(.warning, name, "there is nothing to retry")
        }
        try drop(request)
    }

    /// Removes a request that has been dealt with.
    mutating func drop(_ request: ReadyFile) throws(IOError) { try drop(request.fileName) }

    mutating func drop(_ fileName: String) throws(IOError) {
        try spool.betweenSteps("remove \(fileName)")
        try FileSystem.remove(spool.incoming(fileName))
        watch.forget(fileName)
        try spool.sync(.incoming)
    }
}
