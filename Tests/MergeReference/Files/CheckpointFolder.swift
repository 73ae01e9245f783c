import Foundation

/// A model's folder, read whole and by itself.
struct CheckpointFolder {
    /// By name of the file.
    var files: [(name: String, file: TensorFile)]
    var config: [String: Any]

    /// By name of the file, then offset.
    var tensors: [TensorFile.Tensor] { files.flatMap(\.file.tensors) }

    init(reading folder: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        files = try names.filter { $0.hasSuffix(".safetensors") }.sorted().map {
            ($0, try TensorFile(reading: folder + "/" + $0))
        }
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/config.json"))
        config = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }

    /// What `model.safetensors.index.json` says, by tensor; `nil` where there is none.
    static func index(of folder: String) throws -> [String: String]? {
        let path = folder + "/model.safetensors.index.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        return (json as? [String: Any])?["weight_map"] as? [String: String]
    }

    /// Writes a model: its tensors in as many files as there are groups, with an index where there are several.
    static func write(
        _ groups: [(tensors: [TensorFile.Tensor], alignment: Int?)], config: String, to folder: String
    ) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var index: [String] = []
        for (number, group) in groups.enumerated() {
            let digits = { (n: Int) in String(repeating: "0", count: 5 - "\(n)".count) + "\(n)" }
            let name =
                groups.count == 1
                ? "model.safetensors"
                : "model-\(digits(number + 1))-of-\(digits(groups.count)).safetensors"
            index += group.tensors.map { "\"\($0.name)\":\"\(name)\"" }
            try write(TensorFile.encoded(group.tensors, alignment: group.alignment), to: folder + "/" + name)
        }
        if groups.count > 1 {
            let text = "{\"metadata\":{},\"weight_map\":{\(index.joined(separator: ","))}}"
            try write(Array(text.utf8), to: folder + "/model.safetensors.index.json")
        }
        try write(Array(config.utf8), to: folder + "/config.json")
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}
