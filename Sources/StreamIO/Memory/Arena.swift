import CLinux
import Glibc
import SystemPackage

/// One stretch of memory from which all buffers of a merge are cut; unmapped when it goes out of scope.
///
/// Aligned to 2 MiB and in huge pages where the host has them, so that direct I/O pins few pages. Memory is
/// only used once it is touched. Zero at first.
public struct Arena: ~Copyable, @unchecked Sendable {
    /// What the arena's address is a multiple of, in bytes.
    public static let alignment = 2 << 20

    /// The first byte.
    public let baseAddress: UnsafeMutableRawPointer
    /// The length, in bytes.
    public let byteCount: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappingByteCount: Int

    /// Maps `byteCount` bytes, more than 0.
    ///
    /// - Throws: `ENOMEM` where the host, or a limit on address space, refuses.
    public init(byteCount: Int) throws(IOError) {
        precondition(byteCount > 0, "an arena holds something")
        // What was freed before, as of planning, would else be resident beside it.
        dellad_trim_memory()
        let page = MemoryPage.byteCount
        let (padded, overflow) = byteCount.addingReportingOverflow(Self.alignment + page)
        guard !overflow else { throw IOError("map \(byteCount) bytes of memory", "", .noMemory) }
        let length = padded & ~(page - 1)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let mapping = mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0),
            mapping != UnsafeMutableRawPointer(bitPattern: -1)
        else { throw IOError("map \(byteCount) bytes of memory", "", Errno(rawValue: Glibc.errno)) }
        self.mapping = mapping
        mappingByteCount = length
        baseAddress = mapping.alignedUp(toMultipleOf: Self.alignment)
        self.byteCount = byteCount
        dellad_advise_arena(mapping, UInt64(length))
    }

    deinit { munmap(mapping, mappingByteCount) }

    /// `count` bytes from `offset` on. Valid while the arena lives.
    ///
    /// - Precondition: they lie in the arena.
    public func slice(offset: Int, count: Int) -> UnsafeMutableRawBufferPointer {
        precondition(offset >= 0 && count >= 0 && offset <= byteCount - count, "slice outside the arena")
        return UnsafeMutableRawBufferPointer(start: baseAddress + offset, count: count)
    }

    /// Has the host find the memory of a stretch of an arena; what it holds stays as it is.
    public static func populate(_ memory: UnsafeMutableRawBufferPointer) {
        populate(memory, pageBytes: MemoryPage.byteCount)
    }

    /// - Parameter pageBytes: the kernel's page, which stretches need not start on.
    static func populate(_ memory: UnsafeMutableRawBufferPointer, pageBytes: Int) {
        guard let start = memory.baseAddress else { return }
        let before = Int(bitPattern: start) & (pageBytes - 1)
        dellad_populate(start - before, UInt64(before + memory.count))
    }

    /// As `populate`, on a thread that from then on runs only when no other wants the processor, where that is
    /// allowed.
    public static func populateWhenIdle(_ memory: UnsafeMutableRawBufferPointer) {
        dellad_run_when_idle()
        populate(memory)
    }
}
