import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// What `adapter_config.json` says of modules, read as peft reads it.
@Suite struct AdapterConfigTests {
    struct Pattern: CustomTestStringConvertible, Sendable {
        /// Of `alpha_pattern`, in order.
        var entries: String
        var alpha: Double

        var testDescription: String { entries }
    }

    /// Of `model.layers.1.self_attn.q_proj`; what `re.match(r"(.*\.)?(KEY)$", …)` of the first KEY to match gives.
    static let patterns: [Pattern] = [
        (#""q_proj": 3"#, 3), (#""self_attn.q_proj": 3"#, 3), (#""model.layers.1.self_attn.q_proj": 3"#, 3),
        (#""proj": 3"#, 4), (#""q_pro": 3"#, 4), (#""Q_PROJ": 3"#, 4), (#""base_model.model.q_proj": 3"#, 4),
        // A dot is any character, in a name too.
        (#""q.proj": 3"#, 3), (#""self.attn.q.proj": 3"#, 3), (#""q_pro.": 3"#, 3), (#""..proj": 3"#, 3),
        (#"".q_proj": 3"#, 4), (#"".....q_proj": 3"#, 4), (#""1.self_attn...proj": 3"#, 3),
        (#""layers.self_attn.q_proj": 3"#, 4), (#""model..layers.1.self_attn.q_proj": 3"#, 4),
        (#""^model.layers.1.self_attn.q_proj": 3"#, 3), (#""^q_proj": 3"#, 4), (#""q_proj$": 3"#, 3),
        (#""k_proj|q_proj": 3"#, 3), (#""(k|q)_proj": 3"#, 3), (#""[qk]_proj": 3"#, 3), (#""\\w+": 3"#, 3),
        (#"".*\\.1\\..*q_proj": 3"#, 3), (#"".*\\.0\\..*q_proj": 3"#, 4), (#""q_proj\\b": 3"#, 3),
        (#""(?:q_proj)": 3"#, 3), (#""": 3"#, 4),
        // The first entry that matches, not the closest.
        (#""q.proj": 3, "q_proj": 5"#, 3), (#""q_proj": 5, "q.proj": 3"#, 5), (#""k_proj": 3, ".*": 5"#, 5),
    ].map { Pattern(entries: $0.0, alpha: $0.1) }

    @Test(arguments: patterns)
    func thePatternThatMatchesFirstCounts(pattern: Pattern) throws {
        let name = "model.layers.1.self_attn.q_proj"
        let adapter = try AdapterFolder.open(
            [("\(name).lora_A.weight", [2, 6]), ("\(name).lora_B.weight", [8, 2])],
            base: [("\(name).weight", [8, 6])],
            config: #"{"r": 2, "lora_alpha": 4, "alpha_pattern": {\#(pattern.entries)}}"#)
        #expect(adapter.parts["\(name).weight"]?.scale == Float(pattern.alpha / 2))
    }

    @Test(arguments: [
        (#"{"r": 4, "rank_pattern": {"up_proj": 2}}"#, 2, Float(4)),
        (#"{"rank_pattern": {"up.proj": 2}}"#, 2, 4),
        (#"{"r": 2, "rank_pattern": null}"#, 2, 4), ("{}", 8, 1), (#"{"use_rslora": true, "r": 4}"#, 4, 4),
        (#"{"rank_pattern": {"up_proj": 2, ".*": 9}, "lora_alpha": -3}"#, 2, -1.5),
    ])
    func whatIsLeftOutIsAsInPeft(config: String, rank: Int, scale: Float) throws {
        let name = "model.layers.0.mlp.up_proj"
        let adapter = try AdapterFolder.open(
            [("\(name).lora_A.weight", [rank, 6]), ("\(name).lora_B.weight", [8, rank])],
            base: [("\(name).weight", [8, 6])], config: config)
        #expect(adapter.parts["\(name).weight"]?.scale == scale)
    }

    struct Orientation: CustomTestStringConvertible, Sendable {
        var what: String
        var flag: Bool
        /// Outputs and inputs of the adapter's, and the base's shape.
        var modules: [(String, Int, Int, [Int])]
        var transposed: [String]
        var others: [(String, [Int])] = []

        var testDescription: String { what }
    }

    static let orientations: [Orientation] = [
        Orientation(
            what: "the flag alone", flag: true, modules: [("h.0.proj", 6, 6, [6, 6])],
            transposed: ["h.0.proj"]),
        Orientation(what: "no flag", flag: false, modules: [("h.0.proj", 6, 6, [6, 6])], transposed: []),
        Orientation(
            what: "a flag of layers whose outputs come first", flag: true,
            modules: [("layers.0.q", 6, 6, [6, 6]), ("layers.1.up", 8, 6, [8, 6])], transposed: []),
        Orientation(
            what: "GPT-2 with its head, which peft adapts last", flag: false,
            modules: [
                ("h.0.attn.c_attn", 18, 6, [6, 18]), ("h.1.attn.c_proj", 6, 6, [6, 6]),
                ("lm_head", 9, 6, [9, 6]),
            ], transposed: ["h.0.attn.c_attn", "h.1.attn.c_proj"]),
        Orientation(
            what: "GPT-2's square matrix alone", flag: false,
            modules: [("h.0.attn.c_proj", 6, 6, [6, 6]), ("lm_head", 9, 6, [9, 6])],
            transposed: ["h.0.attn.c_proj"],
            others: [("h.0.attn.c_attn.weight", [6, 18])]),
        Orientation(
            what: "a square matrix apart, beside layers that all have outputs first", flag: true,
            modules: [("tower.head.out_proj", 6, 6, [6, 6]), ("layers.0.up", 8, 6, [8, 6])], transposed: []),
        Orientation(
            what: "a head of as many tokens as inputs", flag: true,
            modules: [("h.0.attn.c_attn", 18, 6, [6, 18]), ("lm_head", 6, 6, [6, 6])],
            transposed: ["h.0.attn.c_attn"]),
        Orientation(
            what: "an encoder before a decoder of another kind", flag: true,
            modules: [
                ("encoder.layer.0.up", 8, 6, [8, 6]), ("encoder.layer.0.q", 6, 6, [6, 6]),
                ("decoder.h.0.c_fc", 8, 6, [6, 8]), ("decoder.h.1.c_proj", 6, 6, [6, 6]),
            ], transposed: ["decoder.h.0.c_fc", "decoder.h.1.c_proj"]),
    ]

    @Test(arguments: orientations)
    func inputsComeFirstWhereTheyDo(made: Orientation) throws {
        let adapter = try AdapterFolder.open(
            made.modules.flatMap { name, outputs, inputs, _ in
                [("\(name).lora_A.weight", [2, inputs]), ("\(name).lora_B.weight", [outputs, 2])]
            }, base: made.modules.map { ("\($0.0).weight", $0.3) } + made.others,
            config: #"{"r": 2, "fan_in_fan_out": \#(made.flag)}"#)
        #expect(adapter.parts.count == made.modules.count)
        let transposed = adapter.parts.filter(\.value.isTransposed).keys.sorted()
        #expect(transposed == made.transposed.map { $0 + ".weight" }.sorted())
    }
}

/// An adapter and its base with nothing but zeros.
enum AdapterFolder {
    /// Writes both and opens them.
    ///
    /// - Parameter tensors: names after `base_model.model.`, with shapes.
    static func open(
        _ tensors: [(String, [Int])], base: [(String, [Int])], config: String = "{\"r\": 2}"
    ) throws -> OpenAdapter {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        func encoded(_ tensors: [(String, [Int])]) -> [UInt8] {
            TensorFile.encoded(
                tensors.map { name, shape in
                    TensorFile.Tensor(
                        name: name, type: .f32, shape: shape,
                        bytes: Array(repeating: 0, count: 4 * shape.reduce(1, *)))
                }, alignment: nil)
        }
        for name in ["base", "adapter"] { try FileSystem.createFolder(folder.appending(name)) }
        try CheckpointFolder.write(encoded(base), to: folder.appending("base/model.safetensors").string)
        try CheckpointFolder.write(
            encoded(tensors.map { ("base_model.model." + $0.0, $0.1) }),
            to: folder.appending("adapter/adapter_model.safetensors").string)
        try CheckpointFolder.write(
            Array(config.utf8), to: folder.appending("adapter/adapter_config.json").string)
        return try OpenAdapter(
            opening: folder.appending("adapter"), of: try Checkpoint(opening: folder.appending("base")),
            in: ReadableFolders([folder]), isStopped: { false })
    }
}
