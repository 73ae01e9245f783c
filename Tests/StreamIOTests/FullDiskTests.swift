import Glibc
import SystemPackage
import Testing

@testable import StreamIO

/// A disk that is really full: a tmpfs of 4 MiB, where the tests may mount one.
@Suite struct FullDiskTests {
    @Test(arguments: IOEngineKind.tested)
    func aFullDiskIsAnErrorAndTakesBackWhatIsFreed(_ kind: IOEngineKind) throws {
        let folder = TemporaryFolder(in: "/tmp")
        guard geteuid() == 0, system("mount -t tmpfs -o size=4m tmpfs \(folder.path) 2>/dev/null") == 0 else {
            print("left out: this user may not mount a tmpfs")
            return
        }
        defer { _ = system("umount -l \(folder.path)") }
        let arena = try Arena(byteCount: 8 << 20)
        let engine = try makeEngine(kind, queueDepth: 8, arena: arena) { _ in }
        let file = try OpenFile.creating(folder.file("data"), direct: true)
        let error = try #require(throws: IOError.self) { try file.reserve(8 << 20) }
        #expect(error == IOError("reserve space", folder.file("data"), .noSpace))
        let writes = (0..<8).map { number in
            IORequest(
                .write, file: file.reference, offset: UInt64(number << 20),
                buffer: arena.slice(offset: number << 20, count: 1 << 20), token: UInt64(number))
        }
        let completions = try engine.run(writes)
        #expect(Set(completions.values.map(\.errorNumber)) == [0, ENOSPC])
        try file.truncate(to: 0)
        #expect(try FileSystem.freeSpace(at: folder.path) >= 3 << 20)
        #expect(try engine.run([writes[7]]).values.first?.errorNumber == 0)
        let whole = try #require(throws: IOError.self) {
            try FileSystem.writeWhole(
                [UInt8](repeating: 0, count: 5 << 20), to: folder.file("whole"), sync: false)
        }
        #expect(whole.errno == .noSpace)
        #expect(try FileSystem.entries(of: folder.path) == ["data"])
    }
}
