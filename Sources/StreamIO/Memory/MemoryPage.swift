import Glibc

/// The unit in which the kernel hands out memory and caches files: 4, 16 or 64 KiB on arm64, 4 KiB on x86-64.
enum MemoryPage {
    /// Bytes of a page, a power of two.
    static let byteCount = max(4096, sysconf(Int32(_SC_PAGESIZE)))
}
