import StreamIO
import SystemPackage

/// One file of a merged model as an audit reads it: its header first, then stretches of it.
struct AuditedShard: ~Copyable {
    /// What is said of the file, and where a tensor lies in it.
    typealias Entry = SafetensorsHeader.Tensor

    private let file: OpenFile
    private let watch: AuditWatch
    /// Where tensor data begins, in bytes.
    private let start: UInt64
    /// By offset.
    let entries: [Entry]

    var path: FilePath { file.path }

    /// Opens a file and reads its header.
    /// - Throws: `MergeFailure`, `recordUnusable` where it is no safetensors file.
    init(_ path: FilePath, watch: AuditWatch) throws(MergeFailure) {
        self.watch = watch
        do {
            let file = try OpenFile.forReading(path, direct: false)
            let size = try file.status().size
            let prefix = try file.read(upTo: Int(min(8, size)), at: 0)
            let length = 8 + (try SafetensorsHeader.jsonByteCount(prefix: prefix, fileByteCount: size))
            let header = try SafetensorsHeader(
                parsing: try file.read(upTo: length, at: 0), fileByteCount: size)
            start = header.byteCount
            entries = header.tensors
            self.file = file
        } catch let error as SafetensorsError {
            throw MergeFailure(
                .recordUnusable,
                "\(path): is no whole safetensors file: \(error) (copy it again, or merge again)")
        } catch {
            throw MergeFailure(error)
        }
    }

    /// Reads bytes of a tensor's data, from `offset` in the tensor on; fewer only where the file ends.
    func read(_ entry: Entry, from offset: UInt64, count: Int) throws(MergeFailure) -> [UInt8] {
        try watch.goOn()
        do {
            return try file.read(upTo: count, at: start + entry.begin + offset)
        } catch {
            throw MergeFailure(error)
        }
    }

    /// Lets the kernel forget what was read of a tensor.
    func forget(_ entry: Entry) {
        file.dropCache(from: start + entry.begin, count: max(1, entry.byteCount))
    }
}
