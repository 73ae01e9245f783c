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
        let seed = TestSeed.drawn()
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
                        for staged in Self.staged(own, chunk: chunk) {
                            #expect(staged.byteCount <= layout.slotBytes, "seed \(seed), chunk \(chunk)")
                            chunks += 1
                        }
                    }
                }
            }
        }
        #expect(chunks > 100)
    }

    /// Of the inputs whose rows lie scattered, in order, as a chunk's are read.
    private static func staged(_ layout: TensorLayout, chunk: Int) -> [StagedRows] {
        var staged: [StagedRows] = []
        var reads: [[StagedRows.Read]] = []
        for (input, place) in zip(layout.inputs, layout.inputRows) {
            guard place.isScattered, let rows = input.rows else {
                reads.append([])
                continue
            }
            let next = StagedRows(
                rows, layout.rows(ofChunk: chunk), of: layout.tensor, workRowBytes: layout.workRowBytes,
                after: reads)
            reads.append(next.reads)
            staged.append(next)
        }
        return staged
    }

    /// A model that lacks a token has another's row for it, which the other reads too.
    @Test func aRowThatTwoInputsTakeIsReadOnce() throws {
        let models = try TinyModels()
        let words = [(0..<400).map { "t\($0)" }, (0..<400).map { $0 % 3 == 0 ? "own\($0)" : "t\(400 - $0)" }]
        for (number, words) in words.enumerated() {
            try models.writeModel(
                "M\(number)",
                tensors: [.init(name: "model.embed_tokens.weight", type: .f32, shape: [400, 2048])],
                config: .object(JSONObject([("vocab_size", .int(400))])))
            try models.writeTokenizer(words, of: "M\(number)")
        }
        let plan = try models.plan(
            """
            merge_method: dare_linear
            base_model: M0
            models: [{model: M1}]
            parameters: {weight: 0.5, density: 0.5}
            tokenizer_source: union
            """)
        let layout = try MergeLayout(plan, memory: 64 << 20, threads: 1)
        let own = TensorLayout(plan.shards[0].tensors[0], shard: 0, index: 0, in: layout)
        let sharedTokens = Set(words[0]).intersection(words[1]).count
        var shared = 0
        for chunk in 0..<own.chunkCount {
            let inputs = Self.staged(own, chunk: chunk)
            try #require(inputs.count == 2)
            var read: [VocabularyRows.Place: Int] = [:]
            for (input, staged) in inputs.enumerated() {
                for piece in staged.pieces {
                    guard case .stored(let stored) = piece.content else { continue }
                    for unit in 0..<piece.unitCount {
                        let place = VocabularyRows.Place(model: stored.model, row: stored.first + unit)
                        guard let lender = read.updateValue(stored.input, forKey: place) else {
                            // Its own, or read along with what an earlier input takes.
                            #expect(stored.input <= input)
                            continue
                        }
                        #expect(stored.input == lender)
                        shared += 1
                    }
                }
            }
        }
        // All but the tokens that both models have.
        #expect(shared == own.rows.count - sharedTokens)
    }
}
