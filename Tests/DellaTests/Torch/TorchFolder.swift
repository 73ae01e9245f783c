import StreamIO
import SystemPackage

@testable import MergeReference

/// A folder with a `.bin` checkpoint of a test's making.
final class TorchFolder {
    let path: FilePath

    init() {
        do {
            path = try TemporaryFolder.create()
        } catch {
            fatalError("\(error)")
        }
    }

    deinit { try? FileSystem.removeTree(path) }

    private var file: FilePath { path.appending("pytorch_model.bin") }

    /// A model of a few tensors.
    static let tensors: [TensorFile.Tensor] = [
        TensorFile.Tensor(name: "model.norm.weight", type: .f32, shape: [3], bytes: Array(0..<12)),
        TensorFile.Tensor(name: "model.layers.0.weight", type: .bf16, shape: [2, 5], bytes: Array(0..<20)),
        TensorFile.Tensor(name: "scale", type: .f16, shape: [], bytes: [1, 2]),
        TensorFile.Tensor(name: "steps", type: .i64, shape: [0, 2], bytes: []),
    ]

    /// Puts a file in place of the one that is there, and opens the model.
    func open(_ bytes: [UInt8], room: UInt64 = .max) throws -> Checkpoint {
        if try FileSystem.status(file) != nil { try FileSystem.remove(file) }
        try FileSystem.writeWhole(bytes, to: file, sync: false)
        return try Checkpoint(opening: path, room: room)
    }

    /// Why a file is refused; `nil` where it is not, or for a reason that is not the archive's.
    func refusal(_ bytes: [UInt8]) -> TorchFileError? {
        do {
            _ = try open(bytes)
        } catch let error as CheckpointError {
            if case .invalidArchive(let reason) = error.reason { return reason }
        } catch {}
        return nil
    }

    /// Why a pickle is refused that has two storages, of 12 and 20 bytes.
    func refusal(pickle: [UInt8]) -> TorchFileError? { refusal(Self.archive(pickle)) }

    static func archive(_ pickle: [UInt8]) -> [UInt8] {
        var entries = TorchFile(tensors: tensors).entries()
        entries[0].data = pickle
        return TorchFile.archive(entries, TorchFile.Style())
    }
}
