import Glibc
import StreamIO
import SystemPackage

@testable import Daemon

/// A spool, those who use it, and the daemons that serve it one after the other.
final class SpoolWorld {
    let folder: TemporaryFolder
    private let lock: SpoolLock
    let lines = LogLines()
    var judge = SpoolJudge()
    private(set) var disk = SpoolDisk()
    private(set) var spool: Spool
    private(set) var merging: BookedMerging
    var machine: SpoolMachine
    /// Whether the daemon could not start.
    private var isDown = false
    private var isPowerCut = false
    private(set) var run: JobRun?
    var now = ContinuousClock.now
    private var jobsPerUser = SpoolMachine.usualJobsPerUser
    /// When `active` was last looked through, if nobody else has changed it since.
    private var lookedThrough: ContinuousClock.Instant?
    /// Whether all that lies in `active` was taken up since.
    private var isOrderKnown = false
    /// What was there last, if nobody but the daemon could have changed it since.
    private var lastSight: SpoolSight?
    /// What was there before the daemon's last step.
    private var beforeStep: SpoolSight?
    /// Configs made so far: each has its number in it.
    private var number = 0

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        let root = folder.path / "spool"
        try FileSystem.createFolder(root)
        try FileSystem.createFolder(folder.path / "outside")
        lock = try SpoolLock.holding(root)
        (spool, merging, machine) = Self.process(folder, disk, lines)
        start()
    }

    private static func process(
        _ folder: TemporaryFolder, _ disk: SpoolDisk, _ lines: LogLines
    ) -> (Spool, BookedMerging, SpoolMachine) {
        var spool = Spool(root: folder.path / "spool", output: folder.path / "output")
        let step = { @Sendable (name: String) throws(IOError) in try disk.step(name) }
        spool.betweenSteps = step
        let merging = BookedMerging(betweenSteps: step)
        return (spool, merging, SpoolMachine(spool: spool, merging: merging, log: lines.logger))
    }

    /// The path of an area.
    func place(_ area: String) -> FilePath {
        area == "output" || area == "outside" ? folder.path / area : folder.path / "spool" / area
    }

    var sight: SpoolSight {
        if let lastSight { return lastSight }
        let sight = SpoolSight(
            Dictionary(uniqueKeysWithValues: SpoolSight.areas.map { ($0, place($0).string) }))
        lastSight = sight
        return sight
    }

    /// A config of that kind, unlike all others.
    func config(_ kind: String) -> String {
        number += 1
        return "\(kind)\n# \(number)\n"
    }

    // MARK: What happens

    /// Does it, lets the daemon act upon it, and judges what it did.
    func perform(_ act: SpoolAct) throws {
        if isDown { start() }
        if !happens(act) {
            let before = sight
            try people(do: act)
            changed(since: before)
        }
        turn()
    }

    /// People did something.
    func changed(since before: SpoolSight) {
        lastSight = nil
        let after = sight
        judge.note(before: before, after: after)
        let isRecorded = ((try? FileSystem.status(place("status"))) ?? nil)?.isDirectory ?? false
        if !isRecorded { judge.loseRecords() }
        if before["active"] != after["active"] || before["status"] != after["status"] {
            (isOrderKnown, lookedThrough) = (false, nil)
        }
    }

    /// Whether it is the daemon's or the world's doing, and is done.
    private func happens(_ act: SpoolAct) -> Bool {
        switch act {
        case .pass(let seconds): pass(seconds)
        case .begin: begin()
        case .end: end()
        case .beginAndEnd:
            begin()
            end()
        case .stop:
            run?.stop.request()
            end()
            if !disk.isDead { start() }
        case .kill: start()
        case .die(let steps, let isPowerCut):
            disk.die(after: steps)
            self.isPowerCut = isPowerCut
        case .fault(let fault): disk.fail(fault)
        case .heal: heal()
        case .reload(let count):
            jobsPerUser = count
            machine.jobsPerUser = count
        case .clear(let days): clear(days)
        default: return false
        }
        return true
    }

    /// Lets the daemon do what is due; one that has died is started.
    func turn() {
        for _ in 0..<3 where !isDown && disk.isDead {
            if isPowerCut { loseWhatIsNotSynced() }
            start()
        }
        guard !isDown else { return }
        step(.settle) { machine.settle(now: now) }
        judgeRest()
    }

    func pass(_ seconds: Double) {
        now += .milliseconds(Int64(seconds * 1000))
        guard !isDown, !disk.isDead else { return }
        let isScan = machine.watch.isScanDue(now)
        step(.settle) { machine.settle(now: now) }
        if disk.fault != nil || disk.isDead {
            (isOrderKnown, lookedThrough) = (false, nil)
        } else if isScan {
            lookedThrough = now
        } else if let lookedThrough, now - lookedThrough >= .seconds(2) {
            isOrderKnown = true
        }
    }

    /// Statuses are never synced: the host's crash may leave empty what was written a moment ago.
    private func loseWhatIsNotSynced() {
        isPowerCut = false
        let before = sight
        let old = Set(beforeStep?["status"].values.map(\.inode) ?? [])
        for (name, item) in before["status"]
        where item.kind == .file && !old.contains(item.inode) && item.inode % 2 == 0 {
            truncate((place("status") / name).string, 0)
        }
        changed(since: before)
    }

    func heal() {
        disk.fail(nil)
        (isOrderKnown, lookedThrough) = (false, nil)
        for area in SpoolSight.areas {
            let path = place(area)
            let status = (try? FileSystem.status(path, followLinks: false)) ?? nil
            if let status, !status.isDirectory { try? FileSystem.remove(path) }
        }
        lastSight = nil
    }

    /// A new process on the same disk.
    func start() {
        disk = SpoolDisk(fault: disk.fault)
        (spool, merging, machine) = Self.process(folder, disk, lines)
        machine.jobsPerUser = jobsPerUser
        run = nil
        isDown = false
        (isOrderKnown, lookedThrough) = (false, nil)
        judge.forget()
        step(.recover) {
            do {
                try machine.recover(now: now)
            } catch {
                isDown = true
            }
        }
    }

    func begin() {
        guard !isDown, !disk.isDead, run == nil else { return }
        judgeView()
        let isOrderKnown = isOrderKnown
        step(.start, checksOrder: isOrderKnown) { run = machine.startNext(now: now) }
        guard let run else { return }
        // What fails now fails when it ends.
        try? merging.begin(run)
        lastSight = nil
    }

    func end() {
        guard let run, !disk.isDead else { return }
        judged(.end) {
            let outcome = merging.merge(run)
            // The thread of a process that is dead tells nobody.
            guard !disk.isDead else { return nil }
            self.run = nil
            machine.ended(outcome, now: now)
            return outcome
        }
    }

    private func clear(_ days: Int) {
        guard !isDown, !disk.isDead else { return }
        machine.clearAfter = Age("3d")
        machine.lastClearing = nil
        step(.clear) {
            machine.clear(now: .now, wall: Timestamp(seconds: Timestamp.now.seconds + Int64(days) * 86400))
        }
    }

    // MARK: What is made of it

    private func step(_ kind: SpoolStep.Kind, checksOrder: Bool = false, _ act: () -> Void) {
        judged(kind, checksOrder: checksOrder) { () -> JobOutcome? in
            act()
            return nil
        }
    }

    private func judged(_ kind: SpoolStep.Kind, checksOrder: Bool = false, _ act: () -> JobOutcome?) {
        let (before, first, counted) = (sight, running, machine.counts.tally)
        beforeStep = before
        _ = disk.takeSteps()
        let outcome = act()
        lastSight = nil
        let (steps, isDisturbed) = disk.takeSteps()
        let tally = machine.counts.tally
        let step = SpoolStep(
            kind: kind, before: before, after: sight, steps: steps, isDisturbed: isDisturbed || isDown,
            running: (first, running), outcome: outcome,
            counted: (
                tally.done - counted.done,
                tally.failed + tally.cancelled - counted.failed - counted.cancelled
            ))
        judge.judge(step)
        if checksOrder, !isDisturbed { judge.judgeOrder(step) }
    }

    /// Whether nobody waits for anything.
    var isAtRest: Bool {
        run == nil && sight["active"].isEmpty
            && !sight["incoming"].keys.contains {
                SpoolName.config($0, in: "incoming") != nil || SpoolName.request($0) != nil
            }
    }

    private var running: SpoolStep.Running? { run.map { SpoolStep.Running($0) } }

    /// After a scan that nothing disturbed.
    private func judgeRest() {
        guard isOrderKnown, disk.fault == nil, !disk.isDead else { return }
        judge.judgeRest(sight, running: running)
        judge.rest()
    }

    /// What `dellad status` shows is what is there, in the order in which it runs.
    private func judgeView() {
        let places = SpoolSight.areas.allSatisfy { area in
            ((try? FileSystem.status(place(area))) ?? nil)?.isDirectory ?? false
        }
        guard places, let view = try? SpoolView(of: spool) else { return }
        // A job goes on without its config; its own status says so.
        let entries = view.entries.filter { !$0.isTakenOut }
        let shown = entries.map { "\($0.folder.rawValue)/\($0.status.job)" }
        let sight = sight
        let there = SpoolStep.configs(of: sight).map { "\($0.area)/\($0.job)" }
        if shown.sorted() != there.sorted() {
            judge.find("view", "status shows \(shown), there are \(there)")
        }
        let waiting = SpoolStep.configs(of: sight).filter { $0.area == "active" }.sorted {
            $0.item.modified != $1.item.modified
                ? $0.item.modified < $1.item.modified : $0.job.utf8.lexicographicallyPrecedes($1.job.utf8)
        }
        let order = entries.filter { $0.folder == .active }.map(\.status.job.text)
        if run == nil, order != waiting.map(\.job), disk.fault == nil {
            judge.find("view", "status shows \(order), they run as \(waiting.map(\.job))")
        }
    }
}
