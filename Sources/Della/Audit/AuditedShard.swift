import StreamIO
import SystemPackage

/// One file of a merged model as an audit reads it: its header first, then stretches of it.
struct AuditedShard: ~Copyable {
    /// What is said of the file, and where a tensor lies in it.
    typealias Entry = Checkpoint.Tensor

    private let file: OpenFile
    private let watch: AuditWatch
    /// By offset.
    let entries: TensorList

    var path: FilePath { file.path }

    /// Opens a file and reads its header.
    /// - Throws: `MergeFailure`, `recordUnusable` where it is no safetensors file.
    init(_ path: FilePath, watch: AuditWatch) throws(MergeFailure) {
        do {
            let file = try OpenFile.forReading(path, direct: false)
            entries = try Self.entries(of: path)
            self.file = file
        } catch {
            throw MergeFailure(error)
        }
        // Last: what a failing initialiser has set, Swift 6.2 takes back wrongly.
        self.watch = watch
    }

    private static func entries(of path: FilePath) throws(MergeFailure) -> TensorList {
        do throws(CheckpointError) {
            return try ShardTensors(reading: path).tensors
        } catch {
            if case .unreadable(let failure) = error.reason { throw .io(failure) }
            throw MergeFailure(
                .recordUnusable,
                "\(path): is no whole safetensors file: \(error.problem) (copy it again, or merge again)")
        }
    }

    /// Reads bytes of a tensor's data, from `offset` in the tensor on; fewer only where the file ends.
    func read(_ entry: Entry, from offset: UInt64, count: Int) throws(MergeFailure) -> [UInt8] {
        try watch.goOn()
        do {
            return try file.read(upTo: count, at: entry.offset + offset)
        } catch {
            throw MergeFailure(error)
        }
    }

    /// Lets the kernel forget what was read of a tensor.
    func forget(_ entry: Entry) {
        file.dropCache(from: entry.offset, count: max(1, entry.byteCount))
    }
}
