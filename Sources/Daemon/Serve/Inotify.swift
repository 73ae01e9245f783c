import Glibc
import StreamIO
import SystemPackage

/// Tells which files of a folder were closed after writing or moved in, and which folders were made there.
struct Inotify: ~Copyable {
    private static let bufferSize = 64 << 10

    let descriptor: Int32
    private let folder: FilePath

    /// What has happened since the last look.
    struct Events {
        /// File names, in order.
        var names: [String] = []
        /// Whether names were lost, or the folder itself went: scan.
        var needsScan = false
        /// Whether the folder is watched no more.
        var isOver = false
    }

    init(watching folder: FilePath) throws(IOError) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else {
            throw IOError(
                "watch (inotify_init1; raise fs.inotify.max_user_instances)", folder, Errno(rawValue: errno))
        }
        let mask =
            UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_CREATE) | UInt32(IN_ONLYDIR)
            | UInt32(IN_MOVE_SELF)
        guard folder.withPlatformString({ inotify_add_watch(descriptor, $0, mask) }) >= 0 else {
            let number = errno
            close(descriptor)
            throw IOError(
                "watch (inotify; raise fs.inotify.max_user_watches)", folder, Errno(rawValue: number))
        }
        self.folder = folder
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Takes all events that are there.
    func drain() -> Events {
        var events = Events()
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.bufferSize, alignment: MemoryLayout<inotify_event>.alignment)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            guard count > 0 else { return events }
            Self.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &events)
        }
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer, into events: inout Events) {
        let headerSize = MemoryLayout<inotify_event>.size
        var offset = 0
        while offset + headerSize <= bytes.count {
            let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let name = bytes[(offset + headerSize)..<min(bytes.count, offset + headerSize + Int(event.len))]
            if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { events.needsScan = true }
            if event.mask & (UInt32(IN_IGNORED) | UInt32(IN_MOVE_SELF)) != 0 {
                events.needsScan = true
                events.isOver = true
            }
            // A file is there once it is closed, a folder at once.
            let isFolder = event.mask & UInt32(IN_ISDIR) != 0
            let isThere = UInt32(IN_MOVED_TO) | UInt32(isFolder ? IN_CREATE : IN_CLOSE_WRITE)
            if event.mask & isThere != 0 {
                // Names that are not UTF-8 are no job's; the scan tells of them.
                if let text = String(validating: name.prefix { $0 != 0 }, as: UTF8.self) {
                    events.names.append(text)
                }
            }
            offset += headerSize + Int(event.len)
        }
    }
}
