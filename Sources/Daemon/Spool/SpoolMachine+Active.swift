import Della
import StreamIO
import SystemPackage

/// Configs that somebody else than the daemon put into `active`: where a config lies says what it is.
extension SpoolMachine {
    /// Looks through `active`, at each scan: for configs that are no job's yet, and for the times of those that wait,
    /// which may have been replaced.
    mutating func scanActive(now: ContinuousClock.Instant) {
        do throws(IOError) {
            var unknown: [String] = []
            for fileName in try spool.entries(in: .active) {
                guard let name = Self.activeName(fileName) else { continue }
                if jobs[name] == nil {
                    unknown.append(fileName)
                } else if jobs[name]?.phase == .queued, let status = activeStatus(fileName) {
                    jobs[name]?.modified = status.modified
                }
            }
            _ = strays.scanned(unknown, status: activeStatus, now: now)
        } catch {
            note(error, nil, "scan active")
        }
    }

    /// Takes up those that have been left as they are for as long as a file that a scan found in `incoming` has to be.
    mutating func takeStrays(now: ContinuousClock.Instant) {
        strays.recheck(status: activeStatus, now: now)
        let ready = strays.candidates.filter(\.value.isReady).compactMap { Self.activeName($0.key) }
        for name in ready.sorted() { takeUp(name) }
    }

    /// Makes a config of `active` that is no job's yet a queued job.
    mutating func takeUp(_ name: JobName) {
        let fileName = "\(name).yml"
        strays.forget(fileName)
        guard jobs[name] == nil, let file = activeStatus(fileName) else { return }
        adopt(name, file)
        if let job = jobs[name] { write(job.status) }
        note(.info, name, "queued: its config was put into active")
    }

    /// Makes what lies in `active` a job, as its status says where that is its own.
    mutating func adopt(_ name: JobName, _ file: FileStatus) {
        var last = self.status(of: name) ?? freshStatus(name, .queued)
        if last.state.isFinal { last = queuedStatus(name) }
        // What it waited for is asked for until it is known anew.
        let wants = last.state == .fetching ? last.fetching.compactMap { HubModel($0.model) } : []
        last.state = .queued
        last.fetching = []
        last.queuedAt = last.queuedAt ?? Timestamp.now.precise
        jobs[name] = Job(name: name, modified: file.modified, owner: file.userID, status: last)
        jobs[name]?.wants = Set(wants)
        jobs[name]?.earlier = last
    }

    private static func activeName(_ fileName: String) -> JobName? {
        guard fileName.hasSuffix(".yml"), !fileName.hasPrefix(".") else { return nil }
        return JobName(fileName.dropLast(".yml".count))
    }

    private var activeStatus: (String) -> FileStatus? {
        let folder = spool.folder(.active)
        return { (try? FileSystem.status(folder.appending($0), followLinks: false)) ?? nil }
    }
}
