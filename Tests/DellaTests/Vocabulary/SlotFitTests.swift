import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Rows by token that lie scattered in places that differ from model to model: whatever is read for a chunk fits its slot.
@Suite struct SlotFitTests {
    private static let rows = 600

    /// Tokens by id, those of an interval in any order.
    private static func tokens(_ random: inout SeededRandom) -> [String] {
        var numbers = Array(0..<rows)
        let start = Int.random(in: 0..<rows, using: &random)
        let end = Int.random(in: start..<min(rows, start + 120), using: &random)
        numbers.replaceSubrange(start...end, with: numbers[start...end].shuffled(using: &random))
        return numbers.map { "t\($0)" }
    }

    @Test func everyChunkFitsItsSlotOfEveryInput() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("slots: seed \(seed)")
        var random = SeededRandom(seed: seed)
        let models = try TinyModels()
        for name in ["M0", "M1", "M2", "M3"] {
            try models.writeModel(
                name,
                tensors: [.init(name: "model.embed_tokens.weight", type: .f32, shape: [Self.rows, 1])],
                config: .object(JSONObject([("vocab_size", .int(Self.rows))])))
        }
        var chunks = 0
        for _ in 0..<40 {
            for number in 0..<4 {
                try models.writeTokenizer(
                    number == 0 ? (0..<Self.rows).map { "t\($0)" } : Self.tokens(&random), of: "M\(number)")
            }
            let plan = try models.plan(
                """
                merge_method: dare_linear
                base_model: M0
                models: [{model: M1}, {model: M2}, {model: M3}]
                parameters: {weight: 0.5, density: 0.5}
                tokenizer_source: base
                """)
            let least = MergeLayout.least(for: plan, threads: 1).memory
            let layout = try MergeLayout(plan, memory: least, threads: 1)
            for tensor in plan.shards[0].tensors {
                // From the first row, and from where it goes on.
                for firstRow in [0, Int.random(in: 1..<Self.rows, using: &random)] {
                    let own = TensorLayout(tensor, shard: 0, index: 0, in: layout, firstRow: firstRow)
                    for chunk in 0..<own.chunkCount {
                        for (input, place) in zip(own.inputs, own.inputRows) where place.isScattered {
                            guard let rows = input.rows else { continue }
                            let staged = StagedRows(
                                rows, own.rows(ofChunk: chunk), of: tensor, workRowBytes: own.workRowBytes)
                            #expect(staged.byteCount <= layout.slotBytes, "seed \(seed), chunk \(chunk)")
                            chunks += 1
                        }
                    }
                }
            }
        }
        #expect(chunks > 100)
    }
}
