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

    /// Why a part of `self` cannot be one of those that agreed on `earlier`; `nil` where it can.
    func difference(from earlier: Self) -> String? {
        if let difference = identity.onAnyMachine.difference(from: earlier.identity.onAnyMachine) {
            return difference
        }
        return count == earlier.count
            ? nil : "they are \(earlier.count) \(earlier.count == 1 ? "part" : "parts"), not \(count)"
    }

    /// Writes it, for good at the return.
    func write(to path: FilePath) throws(IOError) {
        let words = "parts \(count) audit \(auditSeed)\n"
        try FileSystem.replaceAtomically(
            path, with: Array((JournalRecord.began(identity).line + words).utf8))
    }

    /// Reads one; `nil` where there is none.
    ///
    /// - Throws: `EILSEQ` where it is damaged.
    static func read(_ path: FilePath) throws(IOError) -> Self? {
        guard try FileSystem.status(path, followLinks: false) != nil else { return nil }
        let bytes = try FileSystem.readWhole(path, limit: byteLimit, followLinks: false)
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        guard lines.count == 2, bytes.last == UInt8(ascii: "\n"),
            case .began(let identity) = JournalRecord(line: lines[0])
        else { throw damaged(path) }
        let words = String(decoding: lines[1], as: UTF8.self).split(separator: " ")
        guard words.count == 4, words[0] == "parts", let count = Int(words[1]),
            (1...MergePart.countLimit).contains(count), words[2] == "audit", let seed = UInt64(words[3])
        else { throw damaged(path) }
        return Self(identity: identity, count: count, auditSeed: seed)
    }

    private static func damaged(_ path: FilePath) -> IOError {
        IOError(
            "read (it is damaged: remove it with its folder, and the .partial beside)", path,
            .illegalByteSequence)
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
