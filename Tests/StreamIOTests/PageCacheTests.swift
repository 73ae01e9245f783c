import Glibc
import SystemPackage
import Testing

@testable import StreamIO

@Suite struct PageCacheTests {
    static let byteCount = 32 << 20

    /// Bytes of a file that are in memory.
    private func residentBytes(_ path: FilePath) throws -> Int {
        let descriptor = open(path.string, O_RDONLY)
        defer { close(descriptor) }
        let mapping = try #require(mmap(nil, Self.byteCount, PROT_READ, MAP_SHARED, descriptor, 0))
        defer { munmap(mapping, Self.byteCount) }
        var pages = [UInt8](repeating: 0, count: Self.byteCount / MemoryPage.byteCount)
        try #require(mincore(mapping, Self.byteCount, &pages) == 0)
        return pages.count { $0 & 1 == 1 } * MemoryPage.byteCount
    }

    private func transferAll(
        _ operation: IORequest.Operation, _ file: borrowing OpenFile, _ engine: any IOEngine,
        _ arena: borrowing Arena
    ) throws {
        let block = 1 << 20
        for batch in 0..<Self.byteCount / block / 8 {
            let completions = try engine.run(
                (0..<8).map { number in
                    IORequest(
                        operation, file: file.reference, offset: UInt64((batch * 8 + number) * block),
                        buffer: arena.slice(offset: number * block, count: block), token: UInt64(number))
                })
            #expect(completions.values.allSatisfy { $0.bytes == block && $0.errorNumber == 0 })
        }
    }

    /// Not on tmpfs, which /tmp is on many hosts: its pages are the file.
    @Test(arguments: IOEngineKind.tested, [true, false])
    func transfersLeaveNothingInThePageCache(_ kind: IOEngineKind, _ isDirect: Bool) throws {
        let folder = TemporaryFolder(in: "/var/tmp")
        let path = folder.file("data")
        let arena = try Arena(byteCount: 8 << 20)
        let engine = try makeEngine(kind, queueDepth: 8, arena: arena) { _ in }
        do {
            let file = try OpenFile.creating(path, direct: isDirect)
            try file.reserve(UInt64(Self.byteCount))
            try transferAll(.write, file, engine, arena)
        }
        let afterWriting = try residentBytes(path)
        let file = try OpenFile.forReading(path, direct: isDirect)
        try transferAll(.read, file, engine, arena)
        let afterReading = try residentBytes(path)
        print("bytes of \(Self.byteCount) left: \(afterWriting) written, \(afterReading) read")
        // What the kernel reads ahead of a buffered reader may stay behind.
        #expect(afterWriting <= 512 << 10 && afterReading <= 4 << 20)
    }
}
