import Testing

@testable import Della
@testable import MergeReference

@Suite struct VocabularyRowsTests {
    private static func randomSource(_ random: inout SeededRandom) -> VocabularyRows.Source {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .zero
        case 1:
            return .mean(
                (0...Int.random(in: 0..<3, using: &random)).map { _ in
                    .init(
                        model: Int.random(in: 0..<256, using: &random),
                        row: Int.random(in: 0..<9, using: &random))
                })
        default:
            return .rows(
                model: Int.random(in: 0..<3, using: &random),
                first: Bool.random(using: &random)
                    ? Int.random(in: 0..<9, using: &random) : VocabularyRows.rowLimit - 8)
        }
    }

    /// One row of a run, by its number.
    private static func row(_ source: VocabularyRows.Source, _ number: Int) -> VocabularyRows.Source {
        guard case .rows(let model, let first) = source else { return source }
        return .rows(model: model, first: first + number)
    }

    @Test func runsAreWhatWasAppendedRowByRowAndAsLongAsTheyCanBe() {
        let seed = TestSeed.drawn()
        print("vocabulary rows: seed \(seed)")
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            var map = VocabularyRows()
            var rows: [VocabularyRows.Source] = []
            for _ in 0..<Int.random(in: 0..<12, using: &random) {
                let source = Self.randomSource(&random)
                var count = Int.random(in: 1...4, using: &random)
                if case .mean = source { count = 1 }
                map.append(source, count: count)
                rows += (0..<count).map { Self.row(source, $0) }
            }
            let padding = Int.random(in: 0..<3, using: &random)
            map.append(.padding, count: padding)
            rows += Array(repeating: .padding, count: padding)
            let runs = map.runs
            #expect(map.rowCount == rows.count)
            #expect(
                runs.flatMap { run in (0..<run.count).map { Self.row(run.source, $0) } } == rows, "\(seed)")
            for (run, next) in zip(runs, runs.dropFirst()) {
                #expect(run.end == next.start)
                if case .mean = run.source { continue }
                #expect(Self.row(run.source, run.count) != next.source, "two runs that are one: \(seed)")
            }
            #expect(VocabularyRows(runs: runs) == map)
            guard !rows.isEmpty else { continue }
            let start = Int.random(in: 0..<rows.count, using: &random)
            let end = Int.random(in: start + 1...rows.count, using: &random)
            let run = map.run(at: start, upTo: end)
            #expect(run.start == start && run.end <= end)
            #expect((0..<run.count).allSatisfy { Self.row(run.source, $0) == rows[start + $0] }, "\(seed)")
        }
    }

    @Test func onlyAWholeTensorInItsOrderIsItself() {
        let whole = VocabularyRows.identity(model: 1, count: 5)
        #expect(whole.isIdentity(model: 1, count: 5) && whole.memory == 20)
        #expect(!whole.isIdentity(model: 0, count: 5) && !whole.isIdentity(model: 1, count: 6))
        var other = VocabularyRows.identity(model: 1, count: 4)
        other.append(.rows(model: 1, first: 5))
        #expect(!other.isIdentity(model: 1, count: 5))
    }

    @Test(arguments: [
        "model.embed_tokens.weight", "lm_head.weight", "lm_head.bias", "transformer.wte.weight",
        "gpt_neox.embed_in.weight", "embed_out.weight", "output.weight", "tok_embeddings.weight",
        "shared.weight",
        "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
        "bert.embeddings.word_embeddings.weight",
        "cls.predictions.bias", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias",
        "language_model.model.embed_tokens.weight", "model.language_model.embed_tokens.weight",
        "model.tok_embeddings.weight", "backbone.embeddings.weight", "lm_head.decoder.bias",
        "text_model.embeddings.token_embedding.weight", "final_logits_bias", "model.final_logits_bias",
        "transformer.output_layer.weight", "model.decoder.embed_tokens.weight",
    ])
    func embeddingsAndHeadsHaveARowForEachToken(name: String) {
        #expect(VocabularyAxis.isOn(name: name))
    }

    @Test(arguments: [
        "model.norm.weight", "model.layers.0.self_attn.q_proj.weight",
        "bert.encoder.layer.0.output.dense.weight",
        "bert.encoder.layer.0.output.weight", "model.embed_positions.weight", "transformer.wpe.weight",
        "vision_tower.embeddings.weight", "visual.output.weight", "lm_head.dense.weight",
        "model.layers.3.mlp.shared.weight", "embed_tokens", "cls.predictions.transform.dense.bias",
        "bert.embeddings.position_embeddings.weight", "lm_head.layer_norm.weight", "score.weight",
    ])
    func othersHaveNot(name: String) {
        #expect(!VocabularyAxis.isOn(name: name))
    }
}
