import StreamIO
import Testing

@testable import Della

/// What config.json says by a layer's place, in the output of a merge with slices.
@Suite struct LayerSettingsTests {
    /// A setting of a model of six layers, and what it is in an output of layers 0, 1, 4 and 5, and 3.
    struct Case: Sendable, CustomTestStringConvertible {
        var before: String
        var after: String
        /// The layers that the output takes for another kind.
        var warning: String?

        var testDescription: String { before }
    }

    static let cases = [
        Case(
            before: "\"layer_types\": [\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]",
            after: "[\"a\",\"b\",\"e\",\"f\",\"d\"]"),
        Case(before: "\"no_rope_layers\": [1,1,1,0,1,0]", after: "[1,1,1,0,0]"),
        Case(before: "\"layer_types\": [\"a\",\"b\"]", after: "[\"a\",\"b\"]"),
        Case(before: "\"hybrid_override_pattern\": \"MEM*-E\"", after: "\"ME-E*\""),
        Case(before: "\"mlp_only_layers\": [0, 3, 5]", after: "[0,3,4]"),
        Case(before: "\"mlp_only_layers\": []", after: "[]"),
        Case(before: "\"cross_attention_layers\": [2]", after: "[]"),
        Case(before: "\"first_k_dense_replace\": 1", after: "1"),
        Case(
            before: "\"first_k_dense_replace\": 4", after: "2",
            warning: "first_k_dense_replace is 2, which takes layer 4 of"),
        Case(before: "\"max_window_layers\": 4", after: "4"),
        Case(before: "\"use_sliding_window\": true, \"max_window_layers\": 2", after: "2"),
        // Layers 0 1 4 5 3 as 0 1 2 3 4.
        Case(before: "\"sliding_window_pattern\": 2", after: "2", warning: "takes layer 4 of"),
        Case(before: "\"full_attention_interval\": 5", after: "5", warning: "takes layer 2 and 1 more of"),
        Case(
            before: "\"attn_layer_period\": 2, \"attn_layer_offset\": 1", after: "2",
            warning: "takes layer 4 of"),
        Case(before: "\"decoder_sparse_step\": 1", after: "1"),
        Case(before: "\"sliding_window_pattern\": 6", after: "6", warning: "takes layer 3 of"),
        Case(
            before: "\"layer_types\": [1,2,3,4,5,6], \"sliding_window_pattern\": 2", after: "2"),
    ]

    private static let slices = [(0, 2), (4, 6), (3, 4)]

    private func json(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    @Test(arguments: cases, [nil, "text_config"])
    func whatIsSaidByPlaceIsCutAlong(setting: Case, section: String?) throws {
        let models = try TinyModels()
        for name in ["A", "B"] {
            try models.make(name, shape: "mistral", layers: 6) { _ in
            } editConfig: { config in
                let own = "{\"num_hidden_layers\": 6, \(setting.before)}"
                guard let more = try? JSON(parsing: Array(own.utf8)) else { return }
                if let section {
                    config["num_hidden_layers"] = nil
                    config[section] = more
                } else {
                    for member in more.objectValue?.members ?? [] { config[member.key] = member.value }
                }
            }
        }
        var text = "merge_method: linear\nparameters: {weight: 1}\nslices:\n"
        for (first, end) in Self.slices {
            text +=
                "  - sources: [{model: A, layer_range: [\(first), \(end)]}, {model: B, layer_range: [\(first), \(end)]}]\n"
        }
        let plan = try models.plan(text)
        let file = try #require(plan.companions.first { $0.name == "config.json" })
        guard case .text(let written) = file.content else {
            Issue.record("not written")
            return
        }
        let config = try json(written)
        let inner = section.map { config[$0] } ?? config
        let key = try #require(try json("{\(setting.before)}").objectValue?.members.last?.key)
        let asked = setting.before.contains("attn_layer_offset") ? "attn_layer_period" : key
        #expect(try inner?[asked] == json(setting.after))
        #expect(inner?["num_hidden_layers"] == .int(5))
        let told = plan.warnings.filter { $0.contains("for another kind") }
        #expect(told.count == (setting.warning == nil ? 0 : 1))
        if let warning = setting.warning { #expect(told.first?.contains(warning) == true, "\(told)") }
    }

    @Test func aListIsCutFromTheModelThatTheLayersAreOf() throws {
        let models = try TinyModels()
        for (name, letter) in [("A", "a"), ("B", "b")] {
            try models.make(name, shape: "mistral", layers: 6) { _ in
            } editConfig: { config in
                config["layer_types"] = .array((0..<6).map { .string("\(letter)\($0)") })
                config["mlp_only_layers"] = .array([.int(name == "A" ? 1 : 4)])
            }
        }
        let plan = try models.plan(
            """
            merge_method: passthrough
            slices:
              - sources: [{model: A, layer_range: [0, 3]}]
              - sources: [{model: B, layer_range: [4, 6]}]
            """)
        let file = try #require(plan.companions.first { $0.name == "config.json" })
        guard case .text(let written) = file.content else { return }
        let config = try json(written)
        #expect(try config["layer_types"] == json("[\"a0\",\"a1\",\"a2\",\"b4\",\"b5\"]"))
        #expect(try config["mlp_only_layers"] == json("[1,3]"))
    }

    /// What the first slice's model and the last's say of the head's tie, whether they store one, and what comes of it.
    struct Heads: Sendable {
        var first: (ties: Bool?, isThere: Bool)
        var last: (ties: Bool?, isThere: Bool)
        /// Whether the output has a head, and says that it is tied; `nil` where it is refused.
        var output: (isThere: Bool, ties: Bool)?
    }

    static let heads = [
        Heads(first: (false, true), last: (false, true), output: (true, false)),
        Heads(first: (false, true), last: (false, false), output: nil),
        Heads(first: (true, false), last: (false, false), output: nil),
        Heads(first: (nil, false), last: (false, false), output: nil),
        Heads(first: (false, false), last: (false, false), output: (false, false)),
        Heads(first: (false, false), last: (false, true), output: (true, false)),
        Heads(first: (false, false), last: (true, false), output: (true, false)),
        Heads(first: (true, false), last: (false, true), output: (true, false)),
        Heads(first: (true, false), last: (true, false), output: (true, false)),
        Heads(first: (false, true), last: (true, false), output: (true, false)),
    ]

    @Test(arguments: heads, ["linear", "passthrough"])
    func theOutputsHeadIsWhatItsConfigSays(heads: Heads, method: String) throws {
        let models = try TinyModels()
        for (name, said) in [("A", heads.first), ("B", heads.last)] {
            try models.make(name, shape: "mistral", layers: 2) { tensors in
                if !said.isThere { tensors.removeLast() }
                for index in tensors.indices { tensors[index].bytes = nil }
            } editConfig: {
                $0["tie_word_embeddings"] = said.ties.map { .bool($0) }
            }
        }
        let text = """
            merge_method: \(method)
            \(method == "linear" ? "parameters: {weight: 1}" : "")
            slices:
              - sources: [{model: A, layer_range: [0, 1]}]
              - sources: [{model: B, layer_range: [1, 2]}]
            """
        guard let output = heads.output else {
            #expect(
                models.report(text).map {
                    $0.contains(
                        "B says tie_word_embeddings: false and has no head, and the output's would be its")
                } == [true])
            return
        }
        let plan = try models.plan(text)
        #expect(plan.shards.flatMap(\.tensors).contains { $0.name == "lm_head.weight" } == output.isThere)
        let file = try #require(plan.companions.first { $0.name == "config.json" })
        guard case .text(let written) = file.content else { return }
        #expect(try json(written)["tie_word_embeddings"]?.boolValue == output.ties)
    }
}
