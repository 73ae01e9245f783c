import Glibc
import SystemPackage
import Testing

@testable import StreamIO

@Suite struct ArenaTests {
    @Test(arguments: [1, 4096, 8 << 20, (64 << 20) + 5])
    func isAlignedZeroedAndWritableToItsLastByte(_ count: Int) throws {
        let arena = try Arena(byteCount: count)
        #expect(Int(bitPattern: arena.baseAddress) % Arena.alignment == 0)
        #expect(arena.byteCount == count)
        let ends = [0, count - 1].map { arena.slice(offset: $0, count: 1) }
        #expect(ends.allSatisfy { $0[0] == 0 })
        for end in ends { end[0] = 1 }
        #expect(arena.slice(offset: count, count: 0).isEmpty)
    }

    /// Of a page size of 1 the kernel is asked at any address and refuses, as old ones refuse all: that is the other
    /// way to find memory.
    @Test(arguments: [0, 100], [1, MemoryPage.byteCount])
    func findingMemoryKeepsWhatItHolds(_ offset: Int, _ pageBytes: Int) throws {
        let arena = try Arena(byteCount: 1 << 20)
        let memory = arena.slice(offset: offset, count: 64 * 4096)
        memory.initializeMemory(as: UInt8.self, repeating: 7)
        Arena.populate(memory, pageBytes: pageBytes)
        #expect(memory.allSatisfy { $0 == 7 })
        let fresh = arena.slice(offset: (1 << 19) + offset, count: 64 * 4096)
        Arena.populate(fresh, pageBytes: pageBytes)
        #expect(fresh.allSatisfy { $0 == 0 })
    }

    /// Slots start on multiples of 4 KiB, which are within a page where pages are larger.
    @Test func memoryIsFoundFromWithinAPageOn() throws {
        let arena = try Arena(byteCount: 16 << 20)
        let count = 3 << 20
        let memory = arena.slice(offset: (4 << 20) + 100, count: count)
        Arena.populate(memory)
        let page = MemoryPage.byteCount
        let first = try #require(memory.baseAddress) - 100
        var pages = [UInt8](repeating: 0, count: (count + 100 + page - 1) / page)
        try #require(mincore(first, count + 100, &pages) == 0)
        #expect(pages.allSatisfy { $0 & 1 == 1 })
    }

    @Test func sayWhatTheHostRefuses() throws {
        for count in [Int.max, Int.max - Arena.alignment - 5000, 1 << 60] {
            let error = try #require(throws: IOError.self) { _ = try Arena(byteCount: count) }
            #expect(error.errno == .noMemory)
        }
    }
}
