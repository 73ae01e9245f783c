import StreamIO

/// A file of a model, as its hub lists it.
struct HubFile: Hashable, Sendable {
    /// With `/` between folders; one that stays in the model's.
    var path: String
    /// Bytes.
    var size: UInt64
    /// In hexadecimal digits; `nil` for small files, of which the hub knows none.
    var sha256: String?

    init(path: String, size: UInt64, sha256: String? = nil) {
        self.path = path
        self.size = size
        self.sha256 = sha256
    }

    /// Reads an entry of `hf models list --format json`; `nil` for a folder, and for what cannot be a file's.
    init?(_ json: JSON) {
        guard let path = json["path"]?.stringValue, let size = json["size"]?.intValue, size >= 0,
            Self.isPlain(path)
        else { return nil }
        self.init(path: path, size: UInt64(size), sha256: json["lfs"]?["sha256"]?.stringValue?.lowercased())
    }

    /// Whether a path stays in its folder, and cannot be taken for an option or a pattern.
    private static func isPlain(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let isFit = parts.allSatisfy { part in
            !part.isEmpty && !part.hasPrefix(".") && !part.hasPrefix("-") && part.utf8.count <= 255
        }
        return isFit
            && path.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !"*?[]\\\u{7F}".unicodeScalars.contains($0)
            }
    }
}
