import Testing

@testable import Della

/// Each finding by a case that has it, and none in ordinary ones.
@Suite struct ReportFindingTests {
    private func texts(_ report: MergeReport, _ kind: ReportFinding.Kind) -> [String] {
        report.findings.filter { $0.kind == kind }.map(\.text)
    }

    /// Scales a model's differences in the tensors meant.
    private func scale(
        _ input: Int, by factor: Double, in made: inout SyntheticReport,
        where isMeant: (String) -> Bool = { _ in true }
    ) {
        made.change(where: isMeant) { statistics in
            statistics.inputs[input].squares *= factor * factor
            statistics.inputs[input].magnitudes *= factor
            statistics.products = statistics.products.map { $0 * factor }
            if factor == 0 { statistics.inputs[input].equal = statistics.elements }
        }
    }

    @Test(arguments: SyntheticReport.Family.allCases, [1, 2, 5])
    func nothingStandsOutInAnOrdinaryMerge(family: SyntheticReport.Family, models: Int) {
        for seed in 1...4 {
            for method in ["ties", nil] {
                let made = SyntheticReport(
                    layers: 24, models: models, family: family, method: method, seed: UInt64(seed))
                #expect(made.report.findings == [])
            }
        }
    }

    @Test func aModelThatIsTheReferenceIsNamed() {
        var made = SyntheticReport()
        scale(1, by: 0, in: &made)
        #expect(made.report.findings.map(\.kind) == [.sameAsReference])
        #expect(
            texts(made.report, .sameAsReference) == [
                "Org/Tune-2-12B is the same as Org/Base-12B, in every element."
            ])
    }

    @Test func aModelThatHardlyDiffersIsNamed() {
        var made = SyntheticReport()
        scale(0, by: 0.003, in: &made)
        #expect(made.report.findings.map(\.kind) == [.nearReference])
        #expect(
            texts(made.report, .nearReference).first?.hasPrefix(
                "Org/Tune-1-12B hardly differs from Org/Base-12B") == true)
    }

    @Test(arguments: [(1.0, 1.0, true), (1.0, 1.5, false), (0.97, 1.0, false)])
    func modelsThatAreTheSameAreNamed(cosine: Double, ratio: Double, isSame: Bool) throws {
        var made = SyntheticReport(models: 3)
        made.change(where: { _ in true }) { statistics in
            // The third as the first; the pairs are (0, 1), (0, 2), (1, 2).
            statistics.inputs[2].squares = statistics.inputs[0].squares * ratio * ratio
            statistics.products[1] = cosine * statistics.inputs[0].squares * ratio
            statistics.products[2] = statistics.products[0] * ratio
        }
        #expect(made.report.findings.map(\.kind) == [.sameModels])
        let text = try #require(texts(made.report, .sameModels).first)
        #expect(text.hasPrefix("Org/Tune-1-12B and Org/Tune-3-12B "))
        #expect(text.contains("are the same") == isSame)
        #expect(text.contains("times the other") == (ratio > 1.05))
    }

    @Test func modelsOfUnevenDistanceAreNamed() {
        var made = SyntheticReport()
        scale(1, by: 20, in: &made)
        #expect(made.report.findings.map(\.kind) == [.unevenModels])
        #expect(texts(made.report, .unevenModels).first?.contains("Org/Tune-2-12B are ") == true)
    }

    @Test func layersThatNoModelChangedAreNamed() {
        var made = SyntheticReport()
        let isMeant = { (name: String) in [0, 1, 2, 7].contains(LayerPosition(name)?.layer ?? -1) }
        for input in 0..<2 { scale(input, by: 0, in: &made, where: isMeant) }
        made.change(where: isMeant) { ($0.changeSquares, $0.changed) = (0, 0) }
        #expect(made.report.findings.map(\.kind) == [.untouchedLayers])
        #expect(
            texts(made.report, .untouchedLayers) == ["No model differs from Org/Base-12B in layers 0–2, 7."])
    }

    @Test func layersThatTheMergeLeavesAreNamed() {
        var made = SyntheticReport()
        made.change(where: { LayerPosition($0)?.layer == 5 }) { ($0.changeSquares, $0.changed) = (0, 0) }
        #expect(
            texts(made.report, .untouchedLayers) == [
                "The merge leaves layer 5 as in Org/Base-12B, although models differ there."
            ])
    }

    @Test(arguments: ["lm_head.weight", "model.embed_tokens.weight"])
    func anEndThatMovedFarIsNamed(name: String) {
        var made = SyntheticReport()
        scale(0, by: 8, in: &made) { $0 == name }
        #expect(made.report.findings.map(\.kind) == [.outsideMoved])
        let kind = TensorKind(tensorNamed: name).rawValue
        #expect(
            texts(made.report, .outsideMoved).first?.hasPrefix("\(kind) of Org/Tune-1-12B moved ") == true)
    }

    @Test(arguments: [0, 6, 11]) func aTensorWhoseScaleJumpsIsNamed(layer: Int) {
        var made = SyntheticReport()
        scale(0, by: 7, in: &made) { $0.contains(".\(layer).mlp.down_proj") }
        made.change(where: { $0.contains(".\(layer).self_attn.v_proj") }) { $0.changeSquares *= 100 }
        #expect(made.report.findings.map(\.kind) == [.scaleJump, .scaleJump])
        let found = texts(made.report, .scaleJump)
        #expect(found[0].hasPrefix("v of layer \(layer) of the merge moved "))
        #expect(found[1].hasPrefix("down of layer \(layer) of Org/Tune-1-12B moved "))
    }

    @Test func aStepFromOneLayerToTheNextIsNoJump() {
        var made = SyntheticReport()
        scale(0, by: 10, in: &made) { LayerPosition($0).map { $0.layer >= 6 } ?? false }
        #expect(texts(made.report, .scaleJump) == [])
    }

    @Test func anExpertThatMovedFarIsNamed() {
        var made = SyntheticReport(family: .mixture)
        scale(1, by: 6, in: &made) { $0.contains(".experts.3.") }
        #expect(made.report.findings.map(\.kind) == [.scaleJump])
        #expect(texts(made.report, .scaleJump).first?.hasPrefix("Expert 3 of Org/Tune-2-12B moved ") == true)
    }

    @Test func valuesThatAreNoNumbersComeFirstAndAreCounted() {
        var made = SyntheticReport()
        scale(1, by: 20, in: &made)
        made.change(where: { $0.contains("layers.4.mlp") }) { ($0.outputNaNs, $0.outputInfinities) = (2, 1) }
        made.change(where: { $0.contains("layers.9.mlp") }) { $0.outputNaNs = 1 }
        #expect(made.report.findings.map(\.kind) == [.nonfinite, .unevenModels])
        #expect(
            texts(made.report, .nonfinite) == [
                "The output has values that are no numbers: 9 NaN, 3 infinite, in model.layers.4.mlp.gate_proj.weight, "
                    + "model.layers.4.mlp.up_proj.weight, model.layers.4.mlp.down_proj.weight and 3 more."
            ])
    }

    @Test func oneSortOfFindingDoesNotFillThePage() {
        var made = SyntheticReport(layers: 100)
        scale(0, by: 9, in: &made) { LayerPosition($0).map { $0.layer % 10 == 3 } ?? false }
        let found = texts(made.report, .scaleJump)
        #expect(
            found.count == FindingRules.sentenceLimit + 1
                && found.last?.hasSuffix(" more like these.") == true)
    }
}
