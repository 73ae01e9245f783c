import Foundation

/// A model's folder, read whole and by itself.
struct CheckpointFolder {
    /// By name of the file.
    var files: [(name: String, file: TensorFile)]
    var config: [String: Any]

    /// By name of the file, then offset.
    var tensors: [TensorFile.Tensor] { files.flatMap(\.file.tensors) }

    init(files: [(name: String, file: TensorFile)], config: [String: Any]) {
        self.files = files
        self.config = config
    }

    /// Changes the tensor of that name.
    mutating func replace(_ name: String, _ change: (inout TensorFile.Tensor) -> Void) {
        for file in files.indices {
            for index in files[file].file.tensors.indices where files[file].file.tensors[index].name == name {
                change(&files[file].file.tensors[index])
            }
        }
    }

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
            let name = fileNames(groups.count)[number]
            index += group.tensors.map { "\"\($0.name)\":\"\(name)\"" }
            try write(TensorFile.encoded(group.tensors, alignment: group.alignment), to: folder + "/" + name)
        }
        if groups.count > 1 {
            let text = "{\"metadata\":{},\"weight_map\":{\(index.joined(separator: ","))}}"
            try write(Array(text.utf8), to: folder + "/model.safetensors.index.json")
        }
        try write(Array(config.utf8), to: folder + "/config.json")
    }

    /// What that many files of a model are called.
    static func fileNames(
        _ count: Int, stem: String = "model", suffix: String = ".safetensors"
    ) -> [String] {
        func digits(_ number: Int) -> String { String("0000\(number)".suffix(5)) }
        guard count > 1 else { return count == 1 ? [stem + suffix] : [] }
        return (1...count).map { "\(stem)-\(digits($0))-of-\(digits(count))\(suffix)" }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}
