import StreamIO

/// Which files of `incoming` may be taken: those that were closed or moved in at once, those that a scan found
/// once they have been unchanged for two seconds.
///
/// Time is the caller's, from a clock that never jumps.
struct IncomingWatch {
    /// How long a file that a scan found must stay as it is.
    static let quietPeriod = Duration.seconds(2)
    /// How often `incoming` is scanned in any case.
    static let scanInterval = Duration.seconds(30)

    /// What tells a file from what it was before.
    struct Fingerprint: Hashable {
        var inode: UInt64
        var size: UInt64
        var modified: Int64

        init(_ status: FileStatus) {
            inode = status.inode
            size = status.size
            modified = status.modified
        }
    }

    /// Files that are kept in mind, at most; the others' turn comes with a later scan.
    static let candidateLimit = 50_000

    struct Candidate {
        var file: IncomingFile
        var isReady: Bool
        var fingerprint: Fingerprint?
        var unchangedSince: ContinuousClock.Instant
    }

    private(set) var candidates: [String: Candidate] = [:]
    private(set) var lastScan: ContinuousClock.Instant?
    /// Names that were told about once.
    private var reported: Set<String> = []

    /// A file was closed after writing or moved in. Returns whether it is one whose name cannot be a job's and
    /// which has not been told about.
    mutating func noticed(_ fileName: String, now: ContinuousClock.Instant) -> Bool {
        let file = IncomingFile(fileName: fileName)
        switch file {
        case .ignored: return false
        case .unfit: return reported.insert(fileName).inserted
        case .config, .cancel, .retry:
            guard candidates.count < Self.candidateLimit || candidates[fileName] != nil else { return false }
            candidates[fileName] = Candidate(file: file, isReady: true, fingerprint: nil, unchangedSince: now)
            return false
        }
    }

    /// A scan is tried now; the next is due an interval later, however this one ends.
    mutating func scanBegins(_ now: ContinuousClock.Instant) { lastScan = now }

    func isScanDue(_ now: ContinuousClock.Instant) -> Bool {
        lastScan.map { now - $0 >= Self.scanInterval } ?? true
    }

    /// Compares the folder's content with what was known.
    ///
    /// - Returns: names that are told about for the first time.
    mutating func scanned(
        _ names: [String], status: (String) -> FileStatus?, now: ContinuousClock.Instant
    ) -> [String] {
        let present = Set(names)
        candidates = candidates.filter { present.contains($0.key) }
        reported.formIntersection(present)
        var unfit: [String] = []
        for name in names {
            let file = IncomingFile(fileName: name)
            switch file {
            case .ignored: continue
            case .unfit: if reported.insert(name).inserted { unfit.append(name) }
            case .cancel, .retry:
                // Their content says nothing, so there is nothing to wait for.
                if candidates[name] == nil { _ = noticed(name, now: now) }
            case .config: observe(name, file, status(name), now: now)
            }
        }
        return unfit
    }

    /// Looks again at the files that are not ready.
    mutating func recheck(status: (String) -> FileStatus?, now: ContinuousClock.Instant) {
        for (name, candidate) in candidates where !candidate.isReady {
            observe(name, candidate.file, status(name), now: now)
        }
    }

    private mutating func observe(
        _ name: String, _ file: IncomingFile, _ status: FileStatus?, now: ContinuousClock.Instant
    ) {
        guard let status else {
            candidates[name] = nil
            return
        }
        let fingerprint = Fingerprint(status)
        guard var known = candidates[name] else {
            guard candidates.count < Self.candidateLimit else { return }
            candidates[name] = Candidate(
                file: file, isReady: false, fingerprint: fingerprint, unchangedSince: now)
            return
        }
        guard !known.isReady else { return }
        if known.fingerprint != fingerprint {
            known.fingerprint = fingerprint
            known.unchangedSince = now
        } else if now - known.unchangedSince >= Self.quietPeriod {
            known.isReady = true
        }
        candidates[name] = known
    }

    /// The file was taken, is gone, or is left until the next scan finds it.
    mutating func forget(_ fileName: String) { candidates[fileName] = nil }

    /// What has that name is nothing that can be taken. Returns whether it has not been told about.
    mutating func leave(_ fileName: String) -> Bool {
        forget(fileName)
        return reported.insert(fileName).inserted
    }

    /// When to look again: the next scan, or the end of a file's quiet period.
    var deadline: ContinuousClock.Instant? {
        let quiet = candidates.values.filter { !$0.isReady }.map { $0.unchangedSince + Self.quietPeriod }
            .min()
        let scan = lastScan.map { $0 + Self.scanInterval }
        return [quiet, scan].compactMap { $0 }.min()
    }
}
