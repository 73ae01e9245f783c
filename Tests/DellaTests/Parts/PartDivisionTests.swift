import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// How shards are given to parts, and what parts agree on.
@Suite struct PartDivisionTests {
    @Test func everyShardHasOnePartAndTheLongestIsNearTheBest() {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt64.random(in: 0...5, using: &random)
                    : UInt64.random(in: 0...1_000_000, using: &random)
            }
            let count = Int.random(in: 1...70, using: &random)
            let division = PartDivision(bytes: bytes, count: count)
            #expect(division == PartDivision(bytes: bytes, count: count))
            #expect(division.shares.count == count)
            #expect(division.shares.flatMap(\.shards).sorted() == Array(bytes.indices), "seed \(seed)")
            for share in division.shares {
                #expect(share.shards == share.shards.sorted())
                #expect(share.bytes == share.shards.reduce(0) { $0 + bytes[$1] })
            }
            // No division is shorter than an equal one, or than the longest shard.
            let best = max(bytes.max() ?? 0, (division.bytes + UInt64(count) - 1) / UInt64(count))
            #expect(division.longestBytes <= best + (bytes.max() ?? 0), "seed \(seed)")
            #expect(3 * division.longestBytes <= 6 * best, "seed \(seed)")
            // A part without a shard is one that nothing is left for.
            if bytes.allSatisfy({ $0 > 0 }) { #expect(division.usedCount == min(count, bytes.count)) }
        }
    }

    @Test func shardsOfEqualSizeAreSpreadEvenly() {
        let division = PartDivision(bytes: Array(repeating: 5, count: 24), count: 8)
        #expect(division.shares.allSatisfy { $0.shards.count == 3 })
        #expect(division.speed == 8)
        #expect(PartDivision(bytes: [5, 5, 5], count: 8).usedCount == 3)
    }

    @Test(arguments: [("0/1", 0, 1), ("3/8", 3, 8), ("4095/4096", 4095, 4096), ("007/8", 7, 8)])
    func aPartIsReadAsItIsWritten(text: String, index: Int, count: Int) {
        #expect(MergePart(text) == MergePart(index: index, count: count))
    }

    @Test(arguments: [
        "", "/", "1", "1/", "/2", "2/2", "-1/2", "+1/2", "1/0", "0/4097", " 1/2", "1/2/3", "¹/2",
    ])
    func whatIsNoPartIsNotRead(text: String) { #expect(MergePart(text) == nil) }

    // MARK: Agreement

    static let identity = MergeIdentity(
        revision: 1, plan: 77, config: 88,
        inputs: [
            MergeIdentity.Input(
                name: "model.safetensors", size: 5, inode: 6, modified: 7_000_000_001, changed: 8,
                headerChecksum: 9)
        ])

    static func agreement(
        _ change: (inout MergeIdentity) -> Void = { _ in }, count: Int = 8, audits: Bool = true,
        reports: Bool = true
    ) -> PartAgreement {
        var identity = identity
        change(&identity)
        return PartAgreement(
            identity: identity, count: count, auditSeed: 3, audits: audits, reports: reports)
    }

    @Test func anAgreementIsReadAsItWasWritten() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let places = PartPlaces(output: folder.appending("out"))
        let path = places.agreement
        try FileSystem.createFolder(places.journals)
        #expect(try PartAgreement.read(of: places) == nil)
        for (audits, reports) in [(false, false), (false, true), (true, false), (true, true)] {
            let agreement = Self.agreement(audits: audits, reports: reports)
            try agreement.write(to: path)
            #expect(try PartAgreement.read(of: places) == agreement)
        }
        let bytes = try FileSystem.readWhole(path, limit: 1 << 20)
        for length in bytes.indices {
            try FileSystem.replaceAtomically(path, with: Array(bytes[..<length]))
            let error = #expect(throws: MergeFailure.self) { try PartAgreement.read(of: places) }
            #expect(error?.kind == .recordUnusable)
            #expect(error?.message.contains("agreement: is damaged (remove ") == true)
        }
        // Bytes of the identity have a checksum, and the words behind it are looked at.
        for index in bytes.indices where bytes[index] != UInt8(ascii: "0") {
            var changed = bytes
            changed[index] = UInt8(ascii: "x")
            try FileSystem.replaceAtomically(path, with: changed)
            let read = try? PartAgreement.read(of: places)
            #expect(read == nil || read?.identity == Self.identity)
        }
    }

    /// What only this machine knows of a file is left out; all else counts.
    @Test func machinesThatSeeTheSameFilesAgree() {
        let own = Self.agreement()
        for change: (inout MergeIdentity) -> Void in [
            { $0.inputs[0].inode = 1 }, { $0.inputs[0].changed = 1 },
            { $0.inputs[0].modified = 7_999_999_999 },
        ] {
            #expect(own.difference(from: Self.agreement(change)) == nil)
        }
        for (change, word): ((inout MergeIdentity) -> Void, String) in [
            ({ $0.inputs[0].size = 1 }, "model.safetensors"),
            ({ $0.inputs[0].modified = 6_999_999_999 }, "model.safetensors"),
            ({ $0.inputs[0].headerChecksum = 1 }, "model.safetensors"),
            ({ $0.inputs[0].name = "other" }, "model.safetensors"), ({ $0.inputs = [] }, "others"),
            ({ $0.config = 1 }, "config"), ({ $0.plan = 1 }, "plan"), ({ $0.revision = 2 }, "revision"),
        ] {
            #expect(own.difference(from: Self.agreement(change))?.contains(word) == true, "\(word)")
        }
        #expect(own.difference(from: Self.agreement(count: 1)) == "they are 1 part, not 8")
        #expect(own.difference(from: Self.agreement(audits: false)) == "they are not audited, this one is")
        #expect(
            Self.agreement(reports: false).difference(from: own)
                == "they take figures for a report, this one does not (--no-report)")
    }
}
