import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// Two tiny models and a config in a folder of memory, merged by the program itself.
struct TinyMerge {
    let engine: String
    private let place: TemporaryFolder
    /// For what the runs print.
    let notes: TemporaryFolder

    var folder: FilePath { place.path }

    var output: FilePath { folder.appending("out") }

    /// What a config says of methods that these merges try: one of each way through the phases.
    private static let configs = [
        "della": """
        base_model: base
        models:
          - model: tune
            parameters: {density: 0.5, epsilon: 0.1, weight: 1.0}
        """,
        "karcher": """
        models:
          - model: base
          - model: tune
        """,
        "ties": """
        base_model: base
        models:
          - model: tune
            parameters: {density: 0.4, weight: 1.0}
        """,
        // Rows by token, filled up to a multiple, and an adapter.
        "task_arithmetic": """
        base_model: base
        models:
          - model: tune+adapter
            parameters: {weight: 1.0}
        tokenizer: {source: union, pad_to_multiple_of: 7}
        """,
    ]

    /// Three stages out of order, the second of which is kept.
    private static let recipe = """
        merge_method: linear
        dtype: bfloat16
        models:
          - {model: second, parameters: {weight: 0.5}}
          - {model: base, parameters: {weight: 0.5}}
        ---
        name: second
        merge_method: slerp
        base_model: first
        models: [{model: tune}]
        parameters: {t: 0.3}
        dtype: bfloat16
        dellad: {shard_size: 250KB, keep: true}
        ---
        name: first
        merge_method: task_arithmetic
        base_model: base
        models: [{model: tune, parameters: {weight: 0.5}}]
        dtype: bfloat16

        """

    init(engine: String, method: String = "della") throws {
        self.engine = engine
        notes = try TemporaryFolder()
        // Thousands of syncs.
        place = try TemporaryFolder(inMemory: true)
        for (name, seed) in [("base", "1"), ("tune", "2")] {
            let origin =
                name == "base" ? [] : ["--base", folder.appending("base").string, "--scale", "0.01"]
            let made = try Executable.run(
                ["synth", folder.appending(name).string, "--shape", "tiny", "--seed", seed] + origin,
                in: notes)
            try #require(made.code == 0, "\(made.errors)")
        }
        if method == "task_arithmetic" { try addTokenizersAndAdapter() }
        var config = Self.recipe
        if method != "recipe" {
            let words = try #require(Self.configs[method])
            config = """
                merge_method: \(method)
                dtype: bfloat16
                dellad: {shard_size: 250KB}
                \(words)
                """
        }
        try FileSystem.writeWhole(Array(config.utf8), to: folder.appending("merge.yml"), sync: false)
    }

    /// Tokenizers of other tokens in another order, and an adapter of one layer.
    private func addTokenizersAndAdapter() throws {
        let tensors = try CheckpointFolder(reading: folder.appending("base").string).tensors
        let rows = try #require(tensors.first { $0.name == "model.embed_tokens.weight" }).shape[0]
        let tokens = (0..<rows).map { "t\($0)" }
        for (name, words) in [("base", tokens), ("tune", ["new"] + tokens.dropFirst(2).reversed())] {
            let vocabulary = words.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
            let text =
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\(vocabulary)}}, \"added_tokens\": []}"
            try CheckpointFolder.write(
                Array(text.utf8), to: folder.appending(name).appending("tokenizer.json").string)
        }
        let layer = try #require(tensors.first { $0.name.hasSuffix("mlp.up_proj.weight") })
        let module = "base_model.model." + layer.name.dropLast(".weight".count)
        let factors = [("A", [4, layer.shape[1]]), ("B", [layer.shape[0], 4])].map { name, shape in
            let values = (0..<shape.reduce(1, *)).map { Float($0 % 11 - 5) / 64 }
            return TensorFile.Tensor(
                name: "\(module).lora_\(name).weight", type: .f32, shape: shape,
                bytes: ReferenceFormat.encode(values, as: .f32))
        }
        let adapter = folder.appending("adapter")
        try FileSystem.createFolder(adapter)
        try CheckpointFolder.write(
            TensorFile.encoded(factors, alignment: nil),
            to: adapter.appending("adapter_model.safetensors").string)
        try CheckpointFolder.write(
            Array("{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8}".utf8),
            to: adapter.appending("adapter_config.json").string)
    }

    typealias Ending = (code: Int32, output: String, errors: String)

    func run(_ plan: String?) throws -> Ending { try run("merge", [], plan) }

    /// Builds a part, `0/3`.
    func part(_ part: String, _ more: [String] = [], plan: String? = nil) throws -> Ending {
        try run("merge", ["--part", part] + more, plan)
    }

    func assemble(_ more: [String] = [], plan: String? = nil) throws -> Ending {
        try run("assemble", more, plan)
    }

    private func run(_ command: String, _ more: [String], _ plan: String?) throws -> Ending {
        try Executable.run(
            arguments(command, more), in: notes,
            environment: plan.map { ["DELLAD_FAULT_PLAN": $0] } ?? [:])
    }

    func arguments(_ command: String, _ more: [String] = []) -> [String] {
        [
            command, folder.appending("merge.yml").string, output.string, "--models", folder.string,
            "--memory", "4M", "--threads", "1", "--io", engine, "--sha256", "--no-audit",
        ] + more
    }

    func undisturbed() throws -> [String: [UInt8]] {
        let ending = try run(nil)
        try #require(ending.code == 0, "\(ending.errors)")
        let model = try model()
        try #require(model.count > 2)
        try clear()
        return model
    }

    func countOperations() throws -> Int {
        let file = folder.appending("count")
        let ending = try run("count:\(file)")
        try #require(ending.code == 0, "\(ending.errors)")
        try clear()
        let text = try FileSystem.readWhole(file, limit: 100)
        return try #require(
            Int(String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    var isPublished: Bool { (try? FileSystem.status(output)) != nil }

    /// The files of the output, and of stages that were kept, that say nothing of when they were made.
    func model(_ output: FilePath? = nil) throws -> [String: [UInt8]] {
        let output = output ?? self.output
        var files: [String: [UInt8]] = [:]
        let parent = output.removingLastComponent()
        let own = output.lastComponent?.string ?? ""
        for folder in try FileSystem.entries(of: parent)
        where folder == own || folder.hasPrefix(own + ".") {
            for name in try FileSystem.entries(of: parent.appending(folder)) where name != "dellad.json" {
                let path = parent.appending(folder).appending(name)
                files[folder == own ? name : "\(folder)/\(name)"] = try FileSystem.readWhole(
                    path, limit: 1 << 24)
            }
        }
        return files
    }

    /// Files whose SHA-256 in `dellad.json` is not that of their bytes.
    func wrongHashes() throws -> [String] {
        let record = try JSON(
            parsing: try FileSystem.readWhole(output.appending("dellad.json"), limit: 1 << 24))
        let files = try #require(record["files"]?.arrayValue)
        return try files.compactMap { file in
            let name = file["name"]?.stringValue ?? ""
            let bytes = try FileSystem.readWhole(output.appending(name), limit: 1 << 24)
            return file["sha256"]?.stringValue == SHA256.of(bytes).hexadecimal ? nil : name
        }
    }

    /// What a merge must not leave beside its output.
    func leftovers() throws -> [String] {
        try FileSystem.entries(of: folder).filter { $0.hasPrefix(".") }
    }

    func clear() throws {
        let name = output.lastComponent?.string ?? ""
        for entry in try FileSystem.entries(of: folder)
        where entry == name || entry.hasPrefix(name + ".") {
            try FileSystem.removeTree(folder.appending(entry))
        }
    }
}
