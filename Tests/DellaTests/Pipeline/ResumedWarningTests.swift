import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// That an interrupted merge says of NaN and infinity what one says that was not.
@Suite struct ResumedWarningTests {
    /// Merges until something within the tensor is durable, and stops.
    private func stopHalfway(_ merge: PlannedMerge, _ name: String, using random: inout SeededRandom) throws {
        for _ in 0..<50 {
            let progress = MergeProgress()
            let stop = StopRequest()
            let limit = UInt64.random(in: 100_000...700_000, using: &random)
            progress.onUpdate { if $0.bytesWritten > limit { stop.request() } }
            #expect(throws: MergeFailure.self) {
                _ = try merge.run(name, memory: 4 << 20).perform(progress: progress, stop: stop)
            }
            let journal = merge.folder.appending(".\(name).journal")
            if let content = try MergeJournal.read(journal), content.point.tensor != nil { return }
        }
        Issue.record("nothing was made durable within the tensor")
    }

    @Test(arguments: [true, false], [ElementType.bf16, .f64])
    func warningsAreOfTheWholeTensorHoweverOftenItWasInterrupted(rescale: Bool, type: ElementType) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let rows = 4000, length = 512
        let tensor = PlannedMerge.Tensor(
            name: "large", shape: [rows, length], types: [.bf16, type], densities: [0.5], rescale: rescale)
        let merge = try PlannedMerge([tensor], modelCount: 1, seed: seed)
        guard case .merge(let planned) = merge.plan.shards[0].tensors[0].source else {
            Issue.record("not merged")
            return
        }
        for input in planned.allInputs {
            for row in stride(from: 0, to: rows, by: 7) {
                let isNaN = Bool.random(using: &random)
                let bits: [UInt8] =
                    input.type == .bf16
                    ? [isNaN ? 0xC0 : 0x80, 0x7F] : [0, 0, 0, 0, 0, 0, isNaN ? 0xF8 : 0xF0, 0x7F]
                let index = row * length + Int.random(in: 0..<length, using: &random)
                try merge.overwrite(
                    merge.plan.inputs[input.file].path, at: input.offset + UInt64(index * bits.count),
                    with: bits)
            }
        }
        let expected = try merge.run("whole", memory: 1 << 30)
            .perform(progress: MergeProgress(), stop: StopRequest()).warnings
        #expect(expected.count == 3, "seed \(seed)")
        for round in 0..<3 {
            let name = "out-\(round)"
            for _ in 0...round { try stopHalfway(merge, name, using: &random) }
            let summary = try merge.run(name, memory: 4 << 20)
                .perform(progress: MergeProgress(), stop: StopRequest())
            #expect(summary.warnings == expected, "seed \(seed), round \(round)")
        }
    }
}
