import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Warnings while merging are as many for thousands of tensors as for one.
@Suite struct ManyWarningsTests {
    @Test func nanInManyTensorsIsALineForEachModel() throws {
        let count = 600
        let name = String(repeating: "a-very-long-name.", count: 400)
        let tensors = (0..<count).map {
            PlannedMerge.Tensor(
                name: "\($0).\(name)", shape: [2, 8], types: [.f32, .f32], format: .float32, densities: [0.5])
        }
        let merge = try PlannedMerge(tensors, modelCount: 1, seed: 3)
        for tensor in merge.plan.shards[0].tensors {
            guard case .merge(let plan) = tensor.source else { continue }
            let input = plan.inputs[0]
            try merge.overwrite(
                merge.plan.inputs[input.file].path, at: input.offset, with: [0, 0, 0xC0, 0x7F])
        }
        // Stopped on the way, so that what was found goes through the journal.
        let stop = StopRequest()
        let first = MergeProgress()
        first.onUpdate { if $0.tensorsDone > count / 2 { stop.request() } }
        _ = try? merge.run("out", memory: 1 << 24).perform(progress: first, stop: stop)
        let progress = MergeProgress()
        _ = try merge.merge(into: "out", memory: 1 << 24, progress: progress)
        #expect(progress.warnings.count == 2, "\(progress.warnings.map { $0.prefix(100) })")
        let ofModel = try #require(progress.warnings.first)
        #expect(ofModel.hasPrefix("model-1 holds \(count) NaN and 0 infinite values in \(count) tensors: "))
        #expect(ofModel.hasSuffix(" and \(count - 3) more"))
        #expect(ofModel.utf8.count < 1500)
        let record = try #require(
            try FileSystem.status(merge.folder.appending("out").appending("dellad.json")))
        #expect(record.size < 100_000)
    }

    @Test func filesKeepSoManyWarningsAndNoMore() {
        let texts = LimitedWarnings((0..<1000).map { String(repeating: "x\u{7}", count: 3000) + "\($0)" })
            .texts
        #expect(texts.count == LimitedWarnings.countLimit)
        #expect(texts.last == "and \(1000 - LimitedWarnings.countLimit + 1) more warnings")
        #expect(texts.allSatisfy { $0.unicodeScalars.count <= 8 * LimitedWarnings.lengthLimit })
        #expect(LimitedWarnings(["a", "b"]).texts == ["a", "b"])
    }
}
