import StreamIO
import SystemPackage
import Testing

@testable import Della

/// The configs of the fixtures, planned over the fixtures' models.
@Suite struct FixturePlanTests {
    static let configs = [
        "seed-bfloat16", "seed-float32", "two-bfloat16", "two-della-defaults", "two-della-normalized",
        "two-linear", "two-to-float16",
    ]

    @Test(arguments: configs)
    func everyTensorOfTheBaseHasItsPlace(config: String) throws {
        let text = try TestResources.read("configs/\(config).yml")
        let plan = try MergePlanner(library: TestResources.library).plan(
            text, fileName: "\(config).yml", outputName: config)
        let base = try Checkpoint(
            opening: TestResources.folder.appending("models").appending("NemoReRemix-tiny"))
        #expect(plan.shards.map(\.fileName) == ["model.safetensors"])
        let tensors = plan.shards[0].tensors
        #expect(tensors.map(\.name) == base.tensors.map(\.name))
        #expect(tensors.map(\.shape) == base.tensors.map(\.shape))
        #expect(plan.inputs.count == (config.hasPrefix("seed") ? 2 : 5))
        #expect(plan.seed == 0)
        // The header is the one a reader of the file will see.
        let header = try SafetensorsHeader(
            parsing: plan.shards[0].header, fileByteCount: plan.shards[0].byteCount)
        #expect(header.byteCount % 4096 == 0)
        #expect(header.metadata == ["format": "pt"])
        for (tensor, written) in zip(tensors, header.tensors) {
            #expect(tensor.offset == header.byteCount + written.begin)
            #expect(tensor.byteCount == written.byteCount)
            #expect(tensor.type == written.type)
        }
    }

    @Test func theSeedConfigsGradientsFollowTheLayers() throws {
        let text = try TestResources.read("configs/seed-bfloat16.yml")
        let plan = try MergePlanner(library: TestResources.library, seed: 42).plan(
            text, fileName: "seed.yml", outputName: "seed")
        let weights = [0.55, 0.45, 0.55, 0.45, 0.55], epsilons = [0.1, 0.1, 0.25, 0.1, 0.1]
        for tensor in plan.shards[0].tensors {
            guard case .merge(let merge) = tensor.source else {
                Issue.record("\(tensor.name) is copied")
                continue
            }
            let layer = LayerPosition(tensor.name)?.layer ?? 0
            let rule = try #require(merge.deltas)
            #expect(rule.terms.map(\.weight) == [weights[layer]])
            #expect(rule.terms.map(\.epsilon) == [epsilons[layer]])
            #expect(rule.terms.map(\.lambda) == [0.85])
            #expect(rule.lambda == 1 && rule.rescale && !rule.normalize)
            #expect(merge.format == .bfloat16 && tensor.type == .bf16)
        }
        #expect(plan.seed == 42)
        #expect(plan.modelNames == ["NemoReRemix-tiny", "YetAnotherMerge-tiny"])
        #expect(plan.warnings.count == 1 && plan.warnings[0].contains("lambda under a model"))
    }
}
