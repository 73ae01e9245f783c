import Foundation
import StreamIO
import SystemPackage

@testable import Della
@testable import MergeReference

/// Checkpoints with a tensor for every pair of stored types of base and model, at several alignments of their
/// data, and what their merges must come to.
///
/// A tensor is named after what it is: the base's type, the model's, and its shape.
final class StoredTypeRig: Sendable {
    /// How a tensor is laid out.
    enum Form: String, CaseIterable {
        /// A multiple of pages, so that the next tensor is aligned as this one; several chunks of small slots.
        case pages
        /// Rows after which chunks begin anywhere, on pages too.
        case rows
        /// Multiples of pages, nothing pruned, so that no phase comes before the output.
        case unpruned
        /// Odd in number of rows and elements.
        case odd
        /// A multiple of pages, of few rows.
        case few
    }

    struct Combination: Hashable {
        var base: StoredType
        var model: StoredType
        var form: Form

        var name: String { "\(base.rawValue)-\(model.rawValue).\(form)" }

        /// Of at most 180 KB where it is stored widest: three to four chunks of the smallest slots.
        var shape: [Int] {
            let width = max(base.byteWidth, model.byteWidth)
            switch form {
            case .pages: return [352 / width, 512]
            case .rows: return [1880 / width, 96]
            case .unpruned: return [8, 512]
            case .odd: return [7, 33]
            case .few: return [2, 2048]
            }
        }
    }

    /// Bytes after a multiple of 4096 where the data begin.
    static let alignments = [0, 1, 2, 512, 4092]

    /// Forms of which a tensor takes several chunks of a small budget.
    static let large: [Form] = [.pages, .rows, .unpruned, .odd]
    static let small: [Form] = [.few, .odd]

    let folder: FilePath

    /// In memory, where a sync costs nothing.
    init(_ forms: [Form]) throws {
        let combinations = StoredType.floats.flatMap { base in
            StoredType.floats.flatMap { model in
                forms.map { Combination(base: base, model: model, form: $0) }
            }
        }
        let root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
        folder = FilePath(root).appending("dellad-types-\(UUID().uuidString)")
        for (number, model) in ["base", "model"].enumerated() {
            let tensors = combinations.enumerated().map { index, combination in
                let type = number == 0 ? combination.base : combination.model
                let contents = TensorContents(kind: .weights, seed: UInt64(index))
                return TensorFile.Tensor(
                    name: combination.name, type: type, shape: combination.shape,
                    bytes: contents.bytes(type, count: combination.shape.reduce(1, *), model: number))
            }
            for alignment in Self.alignments {
                try write(tensors, alignment: alignment, to: "\(model)-\(alignment)")
            }
        }
    }

    deinit { try? FileSystem.removeTree(folder) }

    func write(_ tensors: [TensorFile.Tensor], alignment: Int?, to name: String) throws {
        try CheckpointFolder.write(
            [(tensors, alignment)], config: "{\"model_type\": \"llama\"}",
            to: folder.appending(name).string)
    }

    /// A plan of the merge of two of the folder's models.
    func plan(_ base: String, _ model: String, dtype: StoredType?, output: StoredType?) throws -> MergePlan {
        let text = """
            base_model: \(base)
            merge_method: della
            \(dtype.map { "dtype: \($0.configName!)" } ?? "")
            \(output.map { "out_dtype: \($0.configName!)" } ?? "")
            models:
              - model: \(model)
                parameters:
                  weight: 0.75
                  density: [{filter: unpruned, value: 1}, {value: 0.5}]
                  epsilon: 0.125
            parameters: {lambda: 0.85, normalize: false}
            """
        return try MergePlanner(
            library: ModelLibrary(folders: [folder], workingDirectory: nil, allowsAnyPath: true), seed: 11
        ).plan(Array(text.utf8), fileName: "types.yml", outputName: "out")
    }

    /// What the merge must come to, by tensor, from files read by the reference.
    func expected(
        _ base: String, _ model: String, dtype: StoredType?, output: StoredType?
    ) throws -> [String: TensorFile.Tensor] {
        let bases = try CheckpointFolder(reading: folder.appending(base).string).tensors
        let models = try CheckpointFolder(reading: folder.appending(model).string).tensors
        let others = Dictionary(uniqueKeysWithValues: models.map { ($0.name, $0) })
        var result: [String: TensorFile.Tensor] = [:]
        for tensor in bases {
            let other = others[tensor.name]!
            let stored = Set([tensor.type, other.type].map { $0 == .f64 ? .f32 : $0 })
            let format = dtype ?? (stored.count == 1 ? stored.first! : .f32)
            let values = [tensor, other].map { part in
                ReferenceFormat.decode(part.type, part.bytes).map { ReferenceFormat.round($0, to: format) }
            }
            let merged = TaskVectors(electsSigns: true, sparsifier: TaskVectors.magprune).merge(
                TensorInputs(
                    name: tensor.name, shape: tensor.shape, seed: 11, format: format, base: values[0],
                    models: [
                        TensorInputs.Model(
                            values: values[1], ordinal: 0,
                            parameters: [
                                "weight": 0.75, "density": tensor.name.contains("unpruned") ? 1 : 0.5,
                                "epsilon": 0.125,
                            ])
                    ], parameters: ["lambda": 0.85, "normalize": 0, "rescale": 1]))
            result[tensor.name] = TensorFile.Tensor(
                name: tensor.name, type: output ?? format, shape: tensor.shape,
                bytes: ReferenceFormat.encode(merged, as: output ?? format))
        }
        return result
    }

    /// The names of the tensors of an output that are not what is expected, those it lacks included.
    func wrong(_ output: FilePath, _ expected: [String: TensorFile.Tensor]) throws -> [String] {
        try TensorFile(reading: output.appending("model.safetensors").string).differences(from: expected)
    }
}
