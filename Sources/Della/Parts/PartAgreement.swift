import StreamIO
import SystemPackage

/// What all parts of a merge agree on: the first one to begin writes it, and the others have the same or leave.
struct PartAgreement: Hashable, Sendable {
    /// Bytes of one, at most.
    private static let byteLimit = 64 << 20

    /// What is merged.
    let identity: MergeIdentity
    /// Parts.
    let count: Int
    /// Selects the rows that their audits look at.
    let auditSeed: UInt64
    /// Whether each audits what it built, and takes figures for the report.
    let audits: Bool
    let reports: Bool

    /// Why a part of `self` cannot be one of those that agreed on `earlier`; `nil` where it can.
    func difference(from earlier: Self) -> String? {
        if let difference = identity.onAnyMachine.difference(from: earlier.identity.onAnyMachine) {
            return difference
        }
        if count != earlier.count {
            return "they are \(earlier.count) \(earlier.count == 1 ? "part" : "parts"), not \(count)"
        }
        if audits != earlier.audits {
            return audits
                ? "they are not audited, this one is" : "they are audited, this one is not (--audit)"
        }
        if reports != earlier.reports {
            return reports
                ? "they take no figures for a report, this one does"
                : "they take figures for a report, this one does not (--no-report)"
        }
        return nil
    }

    /// Writes it, for good at the return.
    func write(to path: FilePath) throws(IOError) {
        let words = "parts \(count) audit \(auditSeed) audits \(audits) reports \(reports)\n"
        try FileSystem.replaceAtomically(
            path, with: Array((JournalRecord.began(identity).line + words).utf8))
    }

    /// Reads one; `nil` where there is none.
    ///
    /// - Throws: `recordUnusable` where it is damaged.
    static func read(of places: PartPlaces) throws(MergeFailure) -> Self? {
        let path = places.agreement
        let bytes: [UInt8]
        do throws(IOError) {
            guard try FileSystem.status(path, followLinks: false) != nil else { return nil }
            bytes = try FileSystem.readWhole(path, limit: byteLimit, followLinks: false)
        } catch {
            throw .creation(error, output: places.whole.output)
        }
        guard let agreement = Self(bytes) else {
            throw MergeFailure(
                .recordUnusable,
                "\(path): is damaged (remove \(places.journals) and \(places.whole.path), and begin the parts anew)"
            )
        }
        return agreement
    }

    /// Reads what `write` writes; `nil` for anything else.
    private init?(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        guard lines.count == 2, bytes.last == UInt8(ascii: "\n"),
            case .began(let identity) = JournalRecord(line: lines[0])
        else { return nil }
        let words = String(decoding: lines[1], as: UTF8.self).split(separator: " ")
        guard words.count == 8, words[0] == "parts", let count = Int(words[1]),
            (1...MergePart.countLimit).contains(count), words[2] == "audit", let seed = UInt64(words[3]),
            words[4] == "audits", let audits = Bool(String(words[5])),
            words[6] == "reports", let reports = Bool(String(words[7]))
        else { return nil }
        self.init(identity: identity, count: count, auditSeed: seed, audits: audits, reports: reports)
    }

    init(identity: MergeIdentity, count: Int, auditSeed: UInt64, audits: Bool, reports: Bool) {
        self.identity = identity
        self.count = count
        self.auditSeed = auditSeed
        self.audits = audits
        self.reports = reports
    }
}

extension MergeIdentity {
    /// The same on every machine that sees the same files, or copies of them that kept their times: what a file system
    /// numbers is left out, and fractions of seconds, which not all of them keep.
    var onAnyMachine: Self {
        var identity = self
        for index in identity.inputs.indices {
            identity.inputs[index].inode = 0
            identity.inputs[index].changed = 0
            identity.inputs[index].modified /= 1_000_000_000
        }
        return identity
    }
}
