import StreamIO
import SystemPackage
import Testing

@testable import Della

/// That the configs of the methods' fixtures are planned as what is computed of them is written down by hand.
@Suite struct FixtureRulePlanTests {
    @Test(arguments: FixtureRules.all.map(\.name))
    func theConfigSaysWhatTheFixtureSays(name: String) throws {
        let fixture = try #require(FixtureRules.all.first { $0.name == name })
        let library = ModelLibrary(
            folders: [FixtureRules.folder.appending("models")], workingDirectory: nil, allowsAnyPath: true)
        let config = FixtureRules.folder.appending("configs").appending("\(name).yml")
        let plan = try MergePlanner(library: library).plan(
            try FileSystem.readWhole(config, limit: 1 << 20), fileName: "\(name).yml", outputName: name)
        let expected = try fixture.plan()
        let merges = merges(plan), wanted = self.merges(expected)
        #expect(Set(merges.keys) == Set(wanted.keys))
        for (tensor, merge) in merges {
            let other = try #require(wanted[tensor])
            #expect(merge.rule == other.rule, "\(tensor)")
            #expect(merge.format == other.format)
            #expect(names(merge.inputs, plan) == names(other.inputs, expected), "\(tensor)")
            #expect(names([merge.reference].compactMap { $0 }, plan) == fixture.base.map { [$0] } ?? [])
        }
    }

    private func merges(_ plan: MergePlan) -> [String: TensorMerge] {
        var merges: [String: TensorMerge] = [:]
        for tensor in plan.shards.flatMap(\.tensors) {
            if case .merge(let merge) = tensor.source { merges[tensor.name] = merge }
        }
        return merges
    }

    private func names(_ inputs: [InputTensor], _ plan: MergePlan) -> [String] {
        inputs.map { plan.modelNames[$0.model].replacing("-mini", with: "") }
    }
}
