import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Synthetic models, an adapter, and a recipe of five stages that merges them: by slerp, ties, della, layers of two stages
/// in one, and with the adapter on stages.
struct RecipeRig {
    let folder: TemporaryFolder
    let models: FilePath

    /// The documents by name, in the order of need; the result has none.
    static let stages: [(name: String, text: String)] = [
        (
            "spherical",
            """
            merge_method: slerp
            base_model: base
            models: [{model: base}, {model: one}]
            parameters: {t: [0.2, 0.6]}
            dtype: bfloat16

            """
        ),
        (
            "trimmed",
            """
            merge_method: ties
            base_model: base
            models:
              - {model: spherical, parameters: {weight: 0.6, density: 0.5}}
              - {model: two, parameters: {weight: 0.5, density: 0.7}}
            dtype: float32
            out_dtype: bfloat16

            """
        ),
        (
            "drawn",
            """
            merge_method: della
            base_model: spherical
            models:
              - {model: spherical+adapter, parameters: {weight: 1.0, density: 0.6, epsilon: 0.1}}
              - {model: two, parameters: {weight: 0.4, density: 0.5, epsilon: 0.2}}
            dtype: bfloat16
            dellad: {seed: 5, shard_size: 200KB, keep: true}

            """
        ),
        (
            "stacked",
            """
            merge_method: passthrough
            dtype: bfloat16
            slices:
              - sources: [{model: trimmed, layer_range: [0, 3]}]
              - sources: [{model: drawn, layer_range: [1, 4]}]

            """
        ),
        (
            "",
            """
            # What it is for.
            merge_method: task_arithmetic
            base_model: stacked
            models: [{model: stacked+adapter, parameters: {weight: 0.8}}]
            dtype: bfloat16
            tokenizer: {source: base}

            """
        ),
    ]

    /// The documents as one config, in another order than that of need.
    static var recipe: String {
        let order = [4, 2, 0, 3, 1]
        return order.map { index in
            let (name, text) = stages[index]
            return name.isEmpty ? text : "name: \(name)\n" + text
        }.joined(separator: "---\n")
    }

    /// - Parameter vocabulary: sets how long a merge takes.
    init(vocabulary: Int = 512) throws {
        folder = try TemporaryFolder()
        models = folder.path / "models"
        try FileSystem.createFolder(models)
        func make(_ name: String, _ options: String...) throws {
            let made = try Executable.run(
                ["synth", (models / name).string, "--shape", "tiny", "--vocabulary", "\(vocabulary)"]
                    + options,
                in: folder)
            try #require(made.code == 0, "\(made.errors)")
        }
        try make("base", "--seed", "1")
        try make("one", "--seed", "2", "--base", (models / "base").string, "--scale", "0.01")
        try make("two", "--seed", "3", "--base", (models / "base").string, "--scale", "0.02")
        let adapter = try Executable.run(
            [
                "synth", (models / "adapter").string, "--shape", "tiny",
                "--adapter", "4", "--seed", "4", "--scale", "0.02",
            ], in: folder)
        try #require(adapter.code == 0, "\(adapter.errors)")
    }

    func merge(_ text: String, to output: FilePath, _ options: String...) throws -> (
        code: Int32, output: String, errors: String
    ) {
        let config = folder.path / "config-\(UInt64.random(in: 0 ... .max)).yml"
        try config.write(text)
        return try Executable.run(
            ["merge", config.string, output.string, "--models", models.string, "--memory", "32M"]
                + options,
            in: folder)
    }

    /// The files of a folder but for those that tell of the config, the title and the time.
    static func files(_ folder: FilePath) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try FileSystem.entries(of: folder)
        where !["README.md", "mergekit_config.yml", "dellad.json"].contains(name)
            && !name.hasPrefix("report.")
        {
            files[name] = try FileSystem.readWhole(folder / name, limit: 1 << 26)
        }
        return files
    }

    /// What the stages make one by one, by name.
    func merged() throws -> [String: [String: [UInt8]]] {
        let steps = folder.path / "steps"
        try FileSystem.createFolder(steps)
        var all: [String: [String: [UInt8]]] = [:]
        for (name, text) in Self.stages {
            let output = steps / (name.isEmpty ? "result" : name)
            let ending = try merge(
                text.replacing(", keep: true", with: ""), to: output, "--models", steps.string)
            try #require(ending.code == 0, "\(name): \(ending.errors)")
            all[name] = try Self.files(output)
        }
        return all
    }
}
