import Glibc
import StreamIO
import SystemPackage

@testable import Della

/// A folder of tiny checkpoints with the names and shapes of real architectures, made for one test.
///
/// What there is to make is described by `Resources/mergekit/models.json` and `shapes.json`, from which the
/// expectations were made too. The folder goes with its owner.
final class TinyModels {
    let folder: FilePath

    init() throws {
        let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(root)/dellad-models.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw IOError("create", FilePath(root), Errno(rawValue: errno))
        }
        folder = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    deinit { try? FileSystem.removeTree(folder) }

    var library: ModelLibrary {
        ModelLibrary(folders: [folder], workingDirectory: nil, allowsAnyPath: true)
    }

    /// Plans a config over the models made so far, of any method.
    func plan(_ text: String, seed: UInt64? = nil) throws(MergeProblems) -> MergePlan {
        try MergePlanner(library: library, seed: seed)
            .plan(Array(text.utf8), fileName: "merge.yml", outputName: "Out")
    }

    /// The lines of the report that a config gets; empty where it is planned.
    func report(_ text: String) -> [String] {
        do throws(MergeProblems) {
            _ = try plan(text)
            return []
        } catch {
            return error.problems.map { $0.description(in: "merge.yml") }
        }
    }

    // MARK: Making models

    private static let models = try? JSON(parsing: TestResources.read("mergekit/models.json"))
    private static let shapes = try? JSON(parsing: TestResources.read("mergekit/shapes.json"))

    /// Makes the models of `models.json` that a config's text names.
    func makeModels(namedIn text: String) throws {
        for member in Self.models?.objectValue?.members ?? [] where text.contains(member.key) {
            try make(member.key)
        }
    }

    /// Makes one model of `models.json`, under another name where one is given.
    func make(_ name: String, as other: String? = nil) throws {
        guard let spec = Self.models?[name], let kind = spec["shape"]?.stringValue,
            let shape = Self.shapes?[kind], let layers = spec["layers"]?.intValue
        else { throw IOError("make", FilePath(name), .invalidArgument) }
        try write(other ?? name, shape: shape, layers: layers, visionLayers: spec["vision_layers"]?.intValue)
    }

    /// Makes a model of one of the shapes.
    ///
    /// - Parameters:
    ///   - edit: changes the tensors before they are written.
    ///   - editConfig: changes `config.json`; `null` writes none.
    func make(
        _ name: String, shape: String, layers: Int, type: ElementType = .bf16,
        edit: (inout [Tensor]) -> Void = { _ in }, editConfig: (inout JSON) -> Void = { _ in }
    ) throws {
        guard let shape = Self.shapes?[shape] else {
            throw IOError("make", FilePath(name), .invalidArgument)
        }
        try write(
            name, shape: shape, layers: layers, visionLayers: nil, type: type, edit: edit,
            editConfig: editConfig)
    }

    /// A tensor to be written; its bytes are zero unless given.
    struct Tensor {
        var name: String
        var type: ElementType
        var shape: [Int]
        var bytes: [UInt8]?
    }

    private func write(
        _ name: String, shape: JSON, layers: Int, visionLayers: Int?, type: ElementType = .bf16,
        edit: (inout [Tensor]) -> Void = { _ in }, editConfig: (inout JSON) -> Void = { _ in }
    ) throws {
        var config = shape["config"] ?? .null
        Self.set(&config, shape["layers_key"], layers)
        var tensors = Self.tensors(shape["pre"], prefix: "", type)
        for layer in 0..<layers {
            tensors += Self.tensors(
                shape["layer"], prefix: (shape["stack"]?.stringValue ?? "") + "\(layer).", type)
        }
        for layer in 0..<(visionLayers ?? 0) {
            tensors += Self.tensors(
                shape["vision_layer"], prefix: (shape["vision_stack"]?.stringValue ?? "") + "\(layer).", type)
        }
        if let visionLayers { Self.set(&config, shape["vision_layers_key"], visionLayers) }
        tensors += Self.tensors(shape["post"], prefix: "", type)
        edit(&tensors)
        editConfig(&config)
        try writeModel(name, tensors: tensors, config: config)
        try writeTokenizer(Self.tokens, of: name)
    }

    /// As many tokens as the shapes' embeddings have rows.
    static let tokens = (0..<8).map { "t\($0)" }

    /// Writes a `tokenizer.json` with these tokens, by id.
    func writeTokenizer(_ tokens: [String], of name: String, indentedBy indent: Int? = nil) throws {
        let vocabulary = JSON.object(JSONObject(tokens.enumerated().map { ($1, .int($0)) }))
        let model = JSON.object(JSONObject([("type", .string("WordLevel")), ("vocab", vocabulary)]))
        let tokenizer = JSON.object(JSONObject([("added_tokens", .array([])), ("model", model)]))
        try write(tokenizer.serialized(indentedBy: indent), to: name + "/tokenizer.json")
    }

    /// Writes a model's folder: one safetensors file, and `config.json` unless `config` is null.
    func writeModel(_ name: String, tensors: [Tensor], config: JSON) throws {
        var path = folder
        for component in FilePath(name).components {
            path.append(component)
            if try FileSystem.status(path) == nil { try FileSystem.createFolder(path) }
        }
        let header = SafetensorsHeader(layingOut: tensors.map { ($0.name, $0.type, $0.shape) })
        var bytes = header.encoded()
        for (tensor, placed) in zip(tensors, header.tensors) {
            bytes += tensor.bytes ?? Array(repeating: 0, count: Int(placed.byteCount))
        }
        try FileSystem.writeWhole(bytes, to: path.appending("model.safetensors"), sync: false)
        if config != .null { try write(config.serialized(indentedBy: 2), to: name + "/config.json") }
    }

    /// Writes a text file below the folder, in place of one that is there.
    func write(_ text: String, to name: String) throws {
        let path = folder.pushing(FilePath(name))
        try FileSystem.remove(path)
        try FileSystem.writeWhole(Array(text.utf8), to: path, sync: false)
    }

    private static func tensors(_ list: JSON?, prefix: String, _ type: ElementType) -> [Tensor] {
        (list?.arrayValue ?? []).compactMap { entry in
            guard let parts = entry.arrayValue, parts.count == 2, let name = parts[0].stringValue else {
                return nil
            }
            return Tensor(
                name: prefix + name, type: type, shape: parts[1].arrayValue?.compactMap(\.intValue) ?? [])
        }
    }

    private static func set(_ config: inout JSON, _ path: JSON?, _ value: Int) {
        let keys = path?.arrayValue?.compactMap(\.stringValue) ?? []
        if keys.count == 1 { config[keys[0]] = .int(value) }
        if keys.count == 2 {
            var section = config[keys[0]] ?? .null
            section[keys[1]] = .int(value)
            config[keys[0]] = section
        }
    }
}
