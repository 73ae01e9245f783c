import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Rows by token against what mergekit 0.1.5 made of them in float32.
@Suite struct VocabularyFixtureTests {
    static let folder = TestResources.folder.appending("vocabulary")

    private func json(_ name: String) throws -> JSON {
        try JSON(parsing: TestResources.read("vocabulary/\(name)"))
    }

    private func rows(_ tensor: TensorFile.Tensor) -> [[Float]] {
        let values = tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        return (0..<tensor.shape[0]).map { Array(values[$0 * tensor.shape[1]..<($0 + 1) * tensor.shape[1]]) }
    }

    private func tensors(_ name: String) throws -> [String: TensorFile.Tensor] {
        let file = try TensorFile(reading: Self.folder.pushing(FilePath(name)).string + "/model.safetensors")
        return Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0) })
    }

    @Test(arguments: [
        "base-task", "other-task", "tokens", "union-linear", "union-task", "union-slerp", "union-della",
    ])
    func theVocabularyIsMergekits(name: String) throws {
        let text = String(decoding: try TestResources.read("vocabulary/configs/\(name).yml"), as: UTF8.self)
        let rig = VocabularyRig(text, in: Self.folder.appending("models"))
        #expect(rig.problems == [])
        let plan = try #require(rig.plan), vocabulary = try #require(plan.vocabulary)
        let meta = try json("expected/\(name)/meta.json")
        #expect(vocabulary.rowCount == meta["vocab_size"]?.intValue)
        let source = try #require(
            try? json("models/\(rig.draft.models[plan.source].reference.path)/tokenizer.json"))
        var tokens = source["model"]?["vocab"]?.objectValue?.members.reduce(into: [String: Int]()) {
            $0[$1.key] = $1.value.intValue
        }
        if let added = plan.tokenizer?.tokens {
            for place in 0..<added.count { tokens?[added.token(place)] = added.firstID + place }
        }
        for entry in source["added_tokens"]?.arrayValue ?? [] {
            tokens?[entry["content"]?.stringValue ?? ""] = entry["id"]?.intValue
        }
        let expected = try json("expected/\(name)/vocab.json").objectValue?.members.reduce(
            into: [String: Int]()
        ) {
            $0[$1.key] = $1.value.intValue
        }
        #expect(tokens == expected)
    }

    @Test(arguments: ["base-task", "other-task", "tokens", "union-linear", "union-task"])
    func theRowsAreMergekits(name: String) throws {
        let text = String(decoding: try TestResources.read("vocabulary/configs/\(name).yml"), as: UTF8.self)
        let rig = VocabularyRig(text, in: Self.folder.appending("models"))
        let vocabulary = try #require(rig.plan?.vocabulary)
        let expected = try tensors("expected/\(name)")
        let inputs = try rig.draft.models.map { try tensors("models/\($0.reference.path)") }
        let weights = rig.draft.config.slices[0].sources.map { source in
            (
                rig.draft.index(source.model) ?? 0,
                Float(source.parameters.settings["weight"]?.conditions[0].values[0] ?? 1)
            )
        }
        for tensor in ["model.embed_tokens.weight", "lm_head.weight"] {
            #expect(VocabularyAxis.isOn(name: tensor))
            let right = rows(try #require(expected[tensor]))
            let own = try inputs.map { rows(try #require($0[tensor])) }
            let width = right[0].count
            let all = own.indices.map { vocabulary.expanded($0, own, width: width) }
            #expect(right.count == vocabulary.rowCount)
            var worst: Float = 0
            for row in right.indices {
                for column in 0..<width {
                    let value: Float
                    if name == "union-linear" {
                        let sum = weights.reduce(Float(0)) { $0 + $1.1 * all[$1.0][row][column] }
                        value = sum / weights.reduce(Float(0)) { $0 + $1.1 }
                    } else {
                        let base = all[0][row][column]
                        value =
                            base + weights.reduce(Float(0)) { $0 + $1.1 * (all[$1.0][row][column] - base) }
                    }
                    worst = max(worst, abs(value - right[row][column]))
                }
            }
            #expect(worst < 2e-7, "\(tensor)")
        }
    }
}
