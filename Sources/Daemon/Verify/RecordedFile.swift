import Della
import StreamIO
import SystemPackage

/// A file as `dellad.json` recorded it.
struct RecordedFile: Hashable, Sendable {
    /// The record's name in the model's folder.
    static let recordName = "dellad.json"
    /// The most bytes of a record.
    static let recordLimit = RecordedMerge.recordLimit

    var name: String
    /// Bytes.
    var size: UInt64
    /// Bytes that each checksum covers, the last one's may be fewer.
    var chunkSize: UInt64
    /// CRC-32C of each chunk.
    var checksums: [UInt32]
    /// Of the whole file; `nil` where none was taken.
    var sha256: SHA256Words?

    /// Reads the files of a record; `nil` where it is not one, or names a file outside of the folder.
    static func list(_ record: JSON) -> [RecordedFile]? {
        guard record["schema"]?.intValue == 1, let files = record["files"]?.arrayValue else { return nil }
        let list = files.compactMap { RecordedFile($0) }
        return list.count == files.count ? list : nil
    }

    private init?(_ json: JSON) {
        guard let name = json["name"]?.stringValue, Self.staysInside(name),
            let size = json["size"]?.intValue.flatMap({ UInt64(exactly: $0) }),
            let chunk = json["chunk_bytes"]?.intValue.flatMap({ UInt64(exactly: $0) }), chunk > 0,
            let texts = json["crc32c"]?.arrayValue
        else { return nil }
        checksums = texts.compactMap { $0.stringValue.flatMap { UInt32($0, radix: 16) } }
        guard checksums.count == texts.count,
            UInt64(checksums.count) == (size / chunk) + (size % chunk == 0 ? 0 : 1)
        else { return nil }
        if let text = json["sha256"] {
            guard let digest = text.stringValue.flatMap({ SHA256Words(hexadecimal: $0) }) else { return nil }
            sha256 = digest
        }
        self.name = name
        self.size = size
        chunkSize = chunk
    }

    private static func staysInside(_ name: String) -> Bool {
        let path = FilePath(name)
        return !name.isEmpty && path.isRelative && path.isLexicallyNormal
            && path.components.allSatisfy { $0.kind == .regular }
    }

    /// The bytes of a chunk.
    func range(ofChunk index: Int) -> Range<UInt64> {
        let start = UInt64(index) * chunkSize
        return start..<min(size, start + chunkSize)
    }
}
