import StreamIO
import SystemPackage

/// What the spool's files say, as `dellad status` shows it. Where a config lies decides, unless the daemon says that it
/// has a job whose config somebody took out of `active`; its status file adds the figures.
struct SpoolView: Hashable {
    /// A job, and the folder that its config is in.
    struct Entry: Hashable {
        var folder: Spool.Folder
        var status: JobStatus
        /// Seconds that the daemon has not written the status of a merge for, where that is too long for its rate
        /// to hold.
        var silence: Int64?
        /// The config's modification time, which orders those that wait; nanoseconds since the epoch.
        var modified: Int64 = 0
        /// When the config was last moved; as `modified`.
        var changed: Int64 = .max
        /// Whether the job's config was taken out of the spool, and the job goes on.
        var isTakenOut = false
    }

    /// How long a rate holds, in seconds; the daemon writes each second.
    static let freshness: Int64 = 10

    /// The spool's folder.
    var root: FilePath = ""
    /// Whether a daemon holds the spool's lock.
    var isServed: Bool
    /// Its process; `nil` where there is none or it cannot be told.
    var process: Int32?
    /// Active first, then those in incoming, both in the order in which they run; then failed and done ones, the latest
    /// first.
    var entries: [Entry]
    /// Files of `incoming` that would be configs or requests, were their names ones that jobs can have.
    var leftAlone: [String] = []

    init(isServed: Bool, process: Int32? = nil, entries: [Entry], leftAlone: [String] = []) {
        self.leftAlone = leftAlone
        self.isServed = isServed
        self.process = process
        self.entries = entries
    }

    /// Reads a spool.
    ///
    /// - Parameter now: the time that the ages of statuses are taken from.
    init(of spool: Spool, now: Timestamp = .now) throws(IOError) {
        root = spool.root
        let owner = SpoolLock.owner(of: spool.root)
        isServed = owner != nil
        process = owner.flatMap { $0 > 0 ? $0 : nil }
        entries = []
        var found: [Spool.Folder: [Entry]] = [:]
        // In the order in which configs move through them: one that moves meanwhile is not missed.
        for folder in [Spool.Folder.incoming, .active, .failed, .done] {
            // The daemon may be about to make it.
            let path = spool.folder(folder)
            let names = try FileSystem.status(path) == nil ? [] : FileSystem.entries(of: path)
            for fileName in names {
                let kind = IncomingFile(fileName: fileName)
                if folder == .incoming, kind == .unfit { leftAlone.append(fileName) }
                guard case .config(let name) = kind else { continue }
                var entry = Entry(
                    folder: folder, status: Self.status(name, folder, spool, isServed: isServed))
                let config = path.appending(fileName)
                let file = (try? FileSystem.status(config, followLinks: false)) ?? nil
                entry.modified = file?.modified ?? .max
                entry.changed = file?.changed ?? .max
                entry.age(of: spool, now: now)
                found[folder, default: []].append(entry)
            }
        }
        if isServed { try addTakenOut(of: spool, to: &found, now: now) }
        for folder in [Spool.Folder.active, .incoming, .failed, .done] {
            entries += Self.sorted(found[folder] ?? [], in: folder)
        }
    }

    /// Adds jobs that the daemon has not ended, and whose configs are not in `active` any more. What has such a name in
    /// `failed` or `done` is that config. A start removes the statuses of jobs that it does not know.
    private func addTakenOut(
        of spool: Spool, to found: inout [Spool.Folder: [Entry]], now: Timestamp
    ) throws(IOError) {
        guard try FileSystem.status(spool.folder(.status)) != nil else { return }
        let active = Set((found[.active] ?? []).map(\.status.job))
        for fileName in try spool.entries(in: .status) where fileName.hasSuffix(".json") {
            guard let name = JobName(fileName.dropLast(".json".count)), !active.contains(name),
                let status = spool.readStatus(name), !status.state.isFinal
            else { continue }
            var place: (Spool.Folder, Int)?
            for folder in [Spool.Folder.failed, .done] where place == nil {
                place = found[folder]?.firstIndex { $0.status.job == name }.map { (folder, $0) }
            }
            var entry =
                place.flatMap { found[$0.0]?[$0.1] }
                ?? Entry(folder: .active, status: status, isTakenOut: true)
            entry.status = Self.live(status)
            entry.age(of: spool, now: now)
            if let (folder, index) = place {
                found[folder]?[index] = entry
            } else {
                found[.active, default: []].append(entry)
            }
        }
    }

    private static func status(
        _ name: JobName, _ folder: Spool.Folder, _ spool: Spool, isServed: Bool
    ) -> JobStatus {
        let written: JobStatus? =
            switch folder {
            case .incoming: nil
            case .done: spool.doneStatus(of: name) ?? spool.withdrawnStatus(of: name)
            // That of a done job is of another config.
            case .failed: spool.readStatus(name).flatMap { $0.state == .done ? nil : $0 }
            case .active, .status: spool.readStatus(name)
            }
        var status = written ?? JobStatus(job: name, state: .queued, output: "")
        switch folder {
        case .done: status.state = status.state == .cancelled ? .cancelled : .done
        case .failed: status.state = status.state == .cancelled ? .cancelled : .failed
        case .active, .incoming, .status:
            let isMoving = status.state == .merging || status.state == .fetching
            if !isMoving || !isServed { status.state = .queued }
        }
        return live(status)
    }

    private static func live(_ status: JobStatus) -> JobStatus {
        guard status.state != .merging else { return status }
        var status = status
        // A rate of yesterday's is no rate.
        status.bytesPerSecond = 0
        status.etaSeconds = nil
        return status
    }

    /// The one that is merging, then in the order in which they run; of those that have ended, the latest.
    private static func sorted(_ entries: [Entry], in folder: Spool.Folder) -> [Entry] {
        if folder == .done || folder == .failed { return latestFirst(entries) }
        return entries.sorted { left, right in
            let (first, second) = (left.status, right.status)
            if (first.state == .merging) != (second.state == .merging) { return first.state == .merging }
            return (left.modified, first.job) < (right.modified, second.job)
        }
    }

    private static func latestFirst(_ entries: [Entry]) -> [Entry] {
        let none = Timestamp(seconds: .min)
        let timed = entries.map { entry in
            (time: entry.status.finishedAt.flatMap { Timestamp($0) } ?? none, entry: entry)
        }
        return timed.sorted { left, right in
            left.time != right.time
                ? left.time > right.time : left.entry.status.job < right.entry.status.job
        }.map(\.entry)
    }

    /// Those that are done and whose config is in `done`, and nothing else.
    var history: SpoolView {
        var view = self
        view.entries.removeAll { $0.folder != .done || $0.status.state != .done }
        view.leftAlone = []
        return view
    }

    /// The entry of a name: the active one first.
    func entry(_ name: JobName) -> Entry? {
        let all = entries.filter { $0.status.job == name }
        if let live = all.first(where: { $0.folder != .incoming && !$0.status.state.isFinal }) { return live }
        guard let first = all.first else { return nil }
        // Somebody moved the config to `failed` before the job was done.
        if first.folder == .failed, first.status.finishedAt == nil,
            let done = all.first(where: { $0.folder == .done }),
            let end = done.status.finishedAt.flatMap({ Timestamp($0) }),
            WallTime.nanoseconds(seconds: end.seconds).addingSaturated(Int64(end.nanoseconds)) > first.changed
        {
            return done
        }
        return first
    }

    /// All of it for programs.
    var json: JSON {
        .object(
            JSONObject([
                ("spool", .string(root.string)),
                (
                    "daemon",
                    .object(
                        JSONObject([("running", .bool(isServed)), ("pid", process.map { .int($0) } ?? .null)])
                    )
                ),
                (
                    "jobs",
                    .array(
                        entries.map { entry in
                            var json = entry.status.json
                            json["folder"] = .string(entry.folder.rawValue)
                            return json
                        })
                ),
                (
                    "left_alone",
                    .array(
                        leftAlone.map { file in
                            .object(
                                JSONObject([
                                    ("file", .string(file)),
                                    ("remedy", .string("rename it: \(JobName.rule)")),
                                ]))
                        })
                ),
            ]))
    }
}

extension SpoolView.Entry {
    /// Drops the rate of a merge whose daemon is silent, and says so.
    fileprivate mutating func age(of spool: Spool, now: Timestamp) {
        guard status.state == .merging,
            let written = try? FileSystem.status(spool.statusFile(status.job), followLinks: false)
        else { return }
        let age = now.seconds.subtractingSaturated(written.modified / WallTime.second)
        guard age > SpoolView.freshness else { return }
        silence = age
        status.bytesPerSecond = 0
        status.etaSeconds = nil
        status.warnings.append(
            "no news of the daemon for \(Figure.duration(Double(age))): it is stopped, stuck, or cannot write the "
                + "status (see its log)")
    }
}
