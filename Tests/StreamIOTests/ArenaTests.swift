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

    /// The kernel refuses an address within a page, as old ones refuse all: that is the other way to find memory.
    @Test(arguments: [0, 100]) func findingMemoryKeepsWhatItHolds(_ offset: Int) throws {
        let arena = try Arena(byteCount: 1 << 20)
        let memory = arena.slice(offset: offset, count: 64 * 4096)
        memory.initializeMemory(as: UInt8.self, repeating: 7)
        Arena.populate(memory)
        #expect(memory.allSatisfy { $0 == 7 })
        let fresh = arena.slice(offset: (1 << 19) + offset, count: 64 * 4096)
        Arena.populate(fresh)
        #expect(fresh.allSatisfy { $0 == 0 })
    }

    @Test func sayWhatTheHostRefuses() throws {
        for count in [Int.max, Int.max - Arena.alignment - 5000, 1 << 60] {
            let error = try #require(throws: IOError.self) { _ = try Arena(byteCount: count) }
            #expect(error.errno == .noMemory)
        }
    }
}
