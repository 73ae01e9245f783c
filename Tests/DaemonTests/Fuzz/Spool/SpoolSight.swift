import Glibc

/// What lies in a spool and beside it, read by plain system calls: no code of the program is asked.
struct SpoolSight: Equatable {
    /// One name in a folder.
    struct Item: Equatable {
        enum Kind: Equatable {
            case file, folder, link, other
        }

        var kind: Kind
        var inode: UInt64
        /// Nanoseconds since the epoch.
        var modified: Int64
        var mode: UInt32
        /// Of a file its size and its beginning, of a folder all that is in it, of a link where it leads.
        var content: String

        /// The same thing, whatever it is called by now.
        func isSame(as other: Item) -> Bool {
            kind == other.kind && inode == other.inode && content == other.content
        }
    }

    /// What is between the daemon's folders and the rest of the world.
    static let areas = ["incoming", "active", "done", "failed", "status", "output", "outside"]

    /// By area and name. Names are bytes, each a scalar of its number, so that none is changed by reading it.
    private(set) var items: [String: [String: Item]] = [:]

    subscript(area: String) -> [String: Item] { items[area] ?? [:] }

    /// - Parameter places: the path of each area.
    init(_ places: [String: String]) {
        for (area, path) in places { items[area] = Self.entries(path) }
    }

    private static func entries(_ folder: String) -> [String: Item] {
        guard let stream = opendir(folder) else { return [:] }
        defer { closedir(stream) }
        var found: [String: Item] = [:]
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard bytes != [46], bytes != [46, 46] else { continue }
            let path = Array(folder.utf8) + [47] + bytes + [0]
            if let item = item(path) { found[name(bytes)] = item }
        }
        return found
    }

    static func name(_ bytes: [UInt8]) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    static func bytes(_ name: String) -> [UInt8] {
        name.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    private static func item(_ path: [UInt8]) -> Item? {
        path.withUnsafeBytes { raw in
            guard let pointer = raw.bindMemory(to: CChar.self).baseAddress else { return nil }
            var status = stat()
            guard lstat(pointer, &status) == 0 else { return nil }
            let (kind, content): (Item.Kind, String) =
                switch status.st_mode & S_IFMT {
                case S_IFREG: (.file, "\(status.st_size):" + text(of: pointer, status.st_mode))
                case S_IFDIR: (.folder, tree(String(decoding: path.dropLast(), as: UTF8.self)))
                case S_IFLNK: (.link, target(of: pointer))
                default: (.other, "")
                }
            return Item(
                kind: kind, inode: UInt64(status.st_ino),
                modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
                mode: status.st_mode, content: content)
        }
    }

    /// The beginning of a file, also of one that is closed to its owner.
    private static func text(of path: UnsafePointer<CChar>, _ mode: mode_t) -> String {
        var file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if file < 0, errno == EACCES, chmod(path, 0o600) == 0 {
            file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            chmod(path, mode & 0o7777)
        }
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }

    private static func target(of path: UnsafePointer<CChar>) -> String {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &bytes, bytes.count - 1)
        return String(decoding: bytes.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func tree(_ folder: String) -> String {
        entries(folder).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.content);" }.joined()
    }
}

/// What names mean, by what DESIGN says of them.
enum SpoolName {
    static func isJob(_ name: Substring) -> Bool {
        (1...128).contains(name.unicodeScalars.count) && !name.hasPrefix(".")
            && name.unicodeScalars.allSatisfy { scalar in
                scalar.isASCII
                    && (scalar.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains(scalar))
            }
    }

    /// The job of a name that ends so; `nil` where it is none's.
    static func job(_ name: String, _ endings: String..., hidden: Bool = false) -> String? {
        for ending in endings where name.hasSuffix(ending) {
            guard !hidden || name.hasPrefix(".") else { continue }
            let stem = name.dropLast(ending.count).dropFirst(hidden ? 1 : 0)
            if isJob(stem) { return String(stem) }
        }
        return nil
    }

    /// The job whose config it is in that folder.
    static func config(_ name: String, in area: String) -> String? {
        switch area {
        case "incoming": name.hasPrefix(".") ? nil : job(name, ".yml", ".yaml")
        case "active", "done", "failed": job(name, ".yml")
        default: nil
        }
    }

    static func request(_ name: String) -> String? { job(name, ".cancel", ".retry") }

    /// Whether the daemon makes, replaces and removes what is called so.
    static func isDaemons(_ name: String, in area: String) -> Bool {
        switch area {
        case "active": job(name, ".crashes", ".planning", hidden: true) != nil
        case "failed": job(name, ".error.txt") != nil || job(name, ".error.txt.tmp", hidden: true) != nil
        case "done": job(name, ".yml.tmp", hidden: true) != nil
        case "status":
            job(name, ".json") != nil || job(name, "~done.json") != nil
                || job(name, ".json.tmp", hidden: true) != nil
        case "output":
            job(name, ".journal", ".partial", ".statistics", ".parts", ".journal.tmp", hidden: true) != nil
        default: false
        }
    }
}
