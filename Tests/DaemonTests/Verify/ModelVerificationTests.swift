import StreamIO
import SystemPackage
import Testing

@testable import Daemon

@Suite struct ModelVerificationTests {
    /// A folder with a file of 100 000 bytes, recorded in chunks of that many.
    private func model(chunkSize: Int, in folder: TemporaryFolder) throws -> [UInt8] {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        try FileSystem.writeWhole(bytes, to: folder.path / "model.safetensors", sync: false)
        let checksums = stride(from: 0, to: bytes.count, by: chunkSize).map { start in
            let value = CRC32C.of(Array(bytes[start..<min(bytes.count, start + chunkSize)]))
            let digits = String(value, radix: 16)
            return "\"" + String(repeating: "0", count: 8 - digits.count) + digits + "\""
        }
        try record(
            #"{"name": "model.safetensors", "size": 100000, "chunk_bytes": \#(chunkSize), "crc32c": [\#(checksums.joined(separator: ","))]}"#,
            in: folder)
        return bytes
    }

    private func record(_ files: String, in folder: TemporaryFolder) throws {
        try (folder.path / "dellad.json").write(#"{"schema": 1, "files": [\#(files)]}"#)
    }

    private func replace(_ bytes: [UInt8], in folder: TemporaryFolder) throws {
        try FileSystem.replaceAtomically(folder.path / "model.safetensors", with: bytes, sync: false)
    }

    @Test(arguments: [4096, 65_536, 100_000, 7001, 1 << 26])
    func anUntouchedModelIsAsWritten(chunkSize: Int) throws {
        let folder = try TemporaryFolder()
        _ = try model(chunkSize: chunkSize, in: folder)
        let verification = try ModelVerification(reading: folder.path)
        #expect(verification.byteCount == 100_000)
        #expect(verification.findings(threads: 3).isEmpty)
    }

    @Test(arguments: [4096, 65_536, 7001])
    func aChangedBitIsFoundWithItsRange(chunkSize: Int) throws {
        let folder = try TemporaryFolder()
        var bytes = try model(chunkSize: chunkSize, in: folder)
        bytes[99_999] ^= 1
        bytes[0] ^= 0x80
        try replace(bytes, in: folder)
        let findings = try ModelVerification(reading: folder.path).findings(threads: 2)
        #expect(findings.count == 2)
        #expect(findings[0].message.contains("bytes 0..<\(chunkSize) differ"))
        #expect(findings[1].message.contains("..<100000 differ"))
    }

    @Test func truncationAndAbsenceAreFound() throws {
        let folder = try TemporaryFolder()
        let bytes = try model(chunkSize: 4096, in: folder)
        try replace(Array(bytes.dropLast()), in: folder)
        let short = try ModelVerification(reading: folder.path).findings(threads: 2)
        #expect(short.count == 1)
        #expect(short[0].message.contains("has 99999 bytes instead of 100000"))
        try FileSystem.remove(folder.path / "model.safetensors")
        let gone = try ModelVerification(reading: folder.path).findings(threads: 2)
        #expect(gone.map(\.isMissing) == [true])
    }

    @Test(arguments: ["model.safetensors.index.json", "model-00001-of-00002.safetensors"])
    func aFileThatLoadersWouldReadThoughTheMergeDidNotWriteItIsADifference(name: String) throws {
        let folder = try TemporaryFolder()
        _ = try model(chunkSize: 4096, in: folder)
        try (folder.path / name).write("{}")
        try (folder.path / "notes.txt").write("mine")
        let findings = try ModelVerification(reading: folder.path).findings(threads: 2)
        #expect(findings.map(\.isMissing) == [false])
        #expect(
            findings.first?.message.hasPrefix("\(folder.path / name): was not written by the merge") == true)
        #expect(findings.first?.message.contains("(move it away") == true)
    }

    @Test func otherFilesBesideAreNotedAndNoDifference() throws {
        let folder = try TemporaryFolder()
        _ = try model(chunkSize: 4096, in: folder)
        #expect(
            try UnlistedFiles(in: folder.path, beside: ModelVerification(reading: folder.path).files).note
                == nil)
        for number in 0..<10 { try (folder.path / "note-\(number)").write("mine") }
        let verification = try ModelVerification(reading: folder.path)
        #expect(verification.findings(threads: 2).isEmpty)
        let note = try #require(try UnlistedFiles(in: folder.path, beside: verification.files).note)
        #expect(note.contains("note-0, note-1") && note.hasSuffix("and 2 more"))
    }

    @Test func sizesThatCannotBeAddedAreNoCrash() throws {
        let folder = try TemporaryFolder()
        let size = Int.max
        let entry = #"{"name": "f", "size": \#(size), "chunk_bytes": \#(size), "crc32c": ["00000000"]}"#
        try record([entry, entry, entry].joined(separator: ","), in: folder)
        #expect(try ModelVerification(reading: folder.path).byteCount == .max)
    }

    /// The folder's only file with that SHA-256 in the record, or another.
    private func recordHash(_ digest: String, in folder: TemporaryFolder) throws {
        let text = (folder.path / "dellad.json").text
        try FileSystem.remove(folder.path / "dellad.json")
        let marked = text.replacing(#""size": 100000"#, with: #""size": 100000, "sha256": "\#(digest)""#)
        try (folder.path / "dellad.json").write(marked)
    }

    @Test(arguments: [4096, 65_536, 7001, 1 << 26])
    func aHashIsCheckedBesideTheChunks(chunkSize: Int) throws {
        let folder = try TemporaryFolder()
        var bytes = try model(chunkSize: chunkSize, in: folder)
        let plain = (folder.path / "dellad.json").text
        try recordHash(SHA256.of(bytes).hexadecimal, in: folder)
        let verification = try ModelVerification(reading: folder.path)
        #expect(verification.files[0].sha256 == SHA256.of(bytes))
        #expect(verification.findings(threads: 3).isEmpty)
        // A damaged file is told of by its chunks alone.
        bytes[50_000] ^= 4
        try replace(bytes, in: folder)
        let damaged = verification.findings(threads: 3)
        #expect(damaged.count == 1 && damaged[0].message.contains("differ from what was written"))
        bytes[50_000] ^= 4
        try replace(bytes, in: folder)
        // All chunks fit and the hash does not.
        try FileSystem.remove(folder.path / "dellad.json")
        try (folder.path / "dellad.json").write(plain)
        try recordHash(SHA256.of([]).hexadecimal, in: folder)
        let other = try ModelVerification(reading: folder.path).findings(threads: 3)
        #expect(other.count == 1)
        #expect(other.first?.message.contains("model.safetensors: its SHA-256 differs") == true)
    }

    @Test func findingsKeepTheOrderOfTheRecordWhetherFilesAreHashedOrNot() throws {
        let folder = try TemporaryFolder()
        var entries: [String] = []
        for index in 0..<6 {
            try (folder.path / "f\(index)").write("x")
            let hash = index % 2 == 0 ? #", "sha256": "\#(SHA256.of([]).hexadecimal)""# : ""
            entries.append(
                #"{"name": "f\#(index)", "size": 1, "chunk_bytes": 4096, "crc32c": ["00000000"]\#(hash)}"#)
        }
        try record(entries.joined(separator: ","), in: folder)
        let found = try ModelVerification(reading: folder.path).findings(threads: 2)
        #expect(found.map { $0.message.contains("bytes 0..<1 differ") } == Array(repeating: true, count: 6))
        let order = found.indices.map { found[$0].message.contains("/f\($0): ") }
        #expect(order == Array(repeating: true, count: 6))
    }

    @Test(arguments: ["", "12", String(repeating: "g", count: 64), String(repeating: "0", count: 65)])
    func aRecordWhoseHashIsNoneIsDamaged(digest: String) throws {
        let folder = try TemporaryFolder()
        _ = try model(chunkSize: 4096, in: folder)
        try recordHash(digest, in: folder)
        let failure = try #require(throws: CommandFailure.self) {
            try ModelVerification(reading: folder.path)
        }
        #expect(failure.exitCode == 65)
    }

    @Test(arguments: ["../x", "/etc/passwd", "a/../b", "", "."])
    func aRecordCannotNameFilesOutside(name: String) throws {
        let folder = try TemporaryFolder()
        try record(#"{"name": "\#(name)", "size": 0, "chunk_bytes": 1, "crc32c": []}"#, in: folder)
        let failure = try #require(throws: CommandFailure.self) {
            try ModelVerification(reading: folder.path)
        }
        #expect(failure.exitCode == 65)
    }

    @Test func aFolderWithoutARecordIsMissingInput() throws {
        let folder = try TemporaryFolder()
        let failure = try #require(throws: CommandFailure.self) {
            try ModelVerification(reading: folder.path)
        }
        #expect(failure.exitCode == 66)
    }
}
