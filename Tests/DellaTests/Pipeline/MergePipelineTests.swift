import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Whole merges of random checkpoints through real files and a real ring.
@Suite struct MergePipelineTests {
    /// Every kind of tensor a checkpoint may hold; the first is larger than the smallest budget.
    static func tensors(_ models: Int) -> [PlannedMerge.Tensor] {
        func tensor(
            _ name: String, _ shape: [Int], _ type: ElementType = .bf16, _ format: FloatFormat = .bfloat16
        ) -> PlannedMerge.Tensor {
            PlannedMerge.Tensor(
                name: name, shape: shape, types: Array(repeating: type, count: models + 1), format: format,
                densities: (0..<models).map { 0.4 + 0.1 * Double($0) })
        }
        var list = [
            tensor("embed", [1700, 96]), tensor("vector", [5000]), tensor("scalar", []),
            tensor("single", [300, 1]), tensor("empty", [0, 8]), tensor("three", [7, 5, 33]),
            tensor("half", [40, 65], .f16, .float16), tensor("float", [90, 200], .f32, .float32),
            tensor("double", [50, 31], .f64, .float32), tensor("narrowed", [60, 40], .f32, .bfloat16),
            tensor("widened", [700, 50], .bf16, .float32), tensor("ids", [777], .i64),
            tensor("flags", [13], .bool),
        ]
        list.append(tensor("mixed", [64, 63], .bf16, .float32))
        list[list.count - 1].types[0] = .f16
        list.append(tensor("unscaled", [900, 64]))
        list[list.count - 1].rescale = false
        list.append(tensor("kept", [400, 64]))
        list[list.count - 1].densities = (0..<models).map { $0 == 0 ? 1 : 0.5 }
        list[list.count - 1].normalize = true
        list.append(tensor("dropped", [40, 64]))
        list[list.count - 1].densities = (0..<models).map { _ in 0 }
        list.append(tensor("narrow-output", [65, 640], .bf16, .float32))
        list[list.count - 1].output = .float16
        list.append(tensor("copied", [37, 129]))
        list.append(tensor("copied-float", [71, 640], .f32, .float32))
        list[list.count - 2].isCopied = true
        list[list.count - 1].isCopied = true
        return list
    }

    @Test(arguments: [0, 1, 2, 4])
    func theOutputIsTheReferencesAndDependsOnNothingElse(models: Int) throws {
        let seed = TestSeed.drawn()
        let merge = try PlannedMerge(
            Self.tensors(models), modelCount: models, seed: seed, shardBytes: 400_000)
        let expected = try merge.reference()
        var number = 0
        for memory in [UInt64(4 << 20), 16 << 20, 1 << 30] {
            for (threads, engine) in [(1, IOEngineKind.uring), (2, .posix), (5, .uring)] {
                number += 1
                let output = try merge.merge(
                    into: "out-\(number)", memory: memory, threads: threads, engine: engine)
                #expect(output == expected, "seed \(seed), \(memory) bytes, \(threads) threads, \(engine)")
            }
        }
        // Nothing but the outputs is left.
        let left = try FileSystem.entries(of: merge.folder).filter { $0.hasPrefix(".") }
        #expect(left == [])
    }

    /// Tensors whose bytes, or a chunk's of them, begin on a page are converted like any other.
    @Test(arguments: [ElementType.f64, .f32, .f16, .bf16], [0, 2048])
    func valuesAreConvertedWhereverInAPageTheyBegin(type: ElementType, dataStart: Int) throws {
        let seed = TestSeed.drawn()
        let tensors = FloatFormat.allCases.flatMap { format in
            FloatFormat.allCases.map { output in
                PlannedMerge.Tensor(
                    name: "from \(format) to \(output)", shape: [96, 256], types: [type, type],
                    format: format, output: output, densities: [0.5])
            }
        }
        let merge = try PlannedMerge(tensors, modelCount: 1, seed: seed, dataStart: dataStart)
        let expected = try merge.reference()
        for memory in [UInt64(3 << 20), 8 << 20, 1 << 30] {
            let output = try merge.merge(into: "out-\(memory)", memory: memory)
            #expect(output == expected, "seed \(seed), \(memory) bytes")
        }
    }

    @Test(arguments: [1, 4])
    func whereMemoryIsSlowToComeTensorsAreReadAgainAndTheOutputIsTheSame(models: Int) throws {
        let seed = TestSeed.drawn()
        var tensors = Self.tensors(models)
        // Several chunks of the largest slots, so that not all can be among the first.
        tensors.insert(
            PlannedMerge.Tensor(
                name: "large", shape: [9000, 1200], types: Array(repeating: .bf16, count: models + 1),
                densities: (0..<models).map { 0.4 + 0.1 * Double($0) }), at: 0)
        let merge = try PlannedMerge(tensors, modelCount: models, seed: seed, shardBytes: 40_000_000)
        let quick = MergeProgress()
        let expected = try merge.merge(
            into: "quick", memory: 1 << 30, progress: quick, isMemoryQuick: true)
        let slow = MergeProgress()
        let found = try merge.merge(into: "slow", memory: 1 << 30, progress: slow, isMemoryQuick: false)
        #expect(found == expected, "seed \(seed)")
        for progress in [quick.snapshot, slow.snapshot] {
            #expect(progress.bytesRead + progress.bytesWritten == progress.bytesTotal)
        }
        #expect(slow.snapshot.bytesRead > quick.snapshot.bytesRead)
    }

    @Test func aTensorLargerThanTheBudgetIsReadAgainOnlyWhereItDidNotFit() throws {
        let tensor = PlannedMerge.Tensor(
            name: "large", shape: [6000, 512], types: [.bf16, .bf16], densities: [0.5])
        let merge = try PlannedMerge([tensor], modelCount: 1, seed: 3)
        let inputs = UInt64(2 * 6000 * 512 * 2)
        let small = MergeProgress()
        let first = try merge.merge(into: "small", memory: 5 << 20, progress: small, isMemoryQuick: true)
        let large = MergeProgress()
        let second = try merge.merge(
            into: "large", memory: 64 << 20, progress: large, isMemoryQuick: true)
        #expect(second == first)
        #expect(large.snapshot.bytesRead == inputs)
        #expect(small.snapshot.bytesRead > inputs && small.snapshot.bytesRead < 2 * inputs)
        #expect(small.snapshot.bytesRead + small.snapshot.bytesWritten == small.snapshot.bytesTotal)
    }

    @Test func aMergeStoppedAtAnyMomentGoesOnToTheSameBytes() throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let merge = try PlannedMerge(Self.tensors(2), modelCount: 2, seed: seed, shardBytes: 300_000)
        let expected = try merge.merge(into: "undisturbed", memory: 1 << 30)
        let constants = try merge.recordedConstants("undisturbed")
        #expect(constants.count == merge.plan.rescaledTensors.count)
        for round in 0..<8 {
            let name = "out-\(round)"
            var moments = StopMoments(most: 4_000_000)
            while true {
                try #require(moments.runs < 200, "seed \(seed): no end")
                let (progress, stop) = moments.next(using: &random)
                let memory = [UInt64(4 << 20), 9 << 20, 1 << 30].randomElement(using: &random)!
                do {
                    let output = try merge.merge(
                        into: name, memory: memory, progress: progress, stop: stop)
                    #expect(output == expected, "seed \(seed), round \(round), \(moments.runs) runs")
                    #expect(
                        try merge.recordedConstants(name) == constants, "seed \(seed), round \(round)")
                    break
                } catch let failure as MergeFailure {
                    #expect(failure.kind == .stopped)
                }
            }
        }
    }

    @Test func aMergeIsCompleteFromItsJournalsSayingSoToItsJournalsEnd() throws {
        let merge = try PlannedMerge(Self.tensors(1), modelCount: 1, seed: 1)
        let output = merge.folder.appending("out")
        #expect(try !MergeRun.isComplete(output: output))
        let progress = MergeProgress()
        var before: [Bool] = []
        var during: [Bool] = []
        let stop = StopRequest()
        stop.request()
        #expect(throws: MergeFailure.self) {
            _ = try merge.run("out", memory: 1 << 30).perform(progress: progress, stop: stop)
        }
        before.append(try MergeRun.isComplete(output: output))
        _ = try merge.run("out", memory: 1 << 30).perform(progress: progress, stop: StopRequest()) {
            during.append(try MergeRun.isComplete(output: output))
        }
        #expect(before == [false])
        #expect(during == [true])
        #expect(try !MergeRun.isComplete(output: output))
    }

    @Test func anInputThatIsCutShortIsNamedAndLeavesNothing() throws {
        let merge = try PlannedMerge(Self.tensors(1), modelCount: 1, seed: 1)
        let path = merge.plan.inputs[1].path
        try OpenFile.forUpdating(path, direct: false).truncate(to: merge.plan.inputs[1].size / 2)
        let failure = #expect(throws: MergeFailure.self) {
            _ = try merge.merge(into: "out", memory: 1 << 30)
        }
        #expect(failure?.kind == .inputChanged)
        #expect(failure?.message.contains(path.string) == true)
        #expect(try FileSystem.entries(of: merge.folder).filter { $0.contains("out") } == [])
    }

    @Test func anOutputThatExistsIsLeftAlone() throws {
        let merge = try PlannedMerge(Self.tensors(1), modelCount: 1, seed: 1)
        try FileSystem.createFolder(merge.folder.appending("out"))
        let failure = #expect(throws: MergeFailure.self) {
            _ = try merge.merge(into: "out", memory: 1 << 30)
        }
        #expect(failure?.kind == .outputExists)
        #expect(failure?.exitCode == 73)
        #expect(try FileSystem.entries(of: merge.folder.appending("out")) == [])
    }

    @Test func aBudgetThatIsTooSmallNamesTheTensorAndTheBudgetThatWouldDo() throws {
        let tensor = PlannedMerge.Tensor(
            name: "wide", shape: [2, 1 << 20], types: [.bf16, .bf16], densities: [0.5])
        let merge = try PlannedMerge([tensor], modelCount: 1, seed: 3)
        let failure = #expect(throws: MergeFailure.self) {
            _ = try merge.merge(into: "out", memory: 1 << 20)
        }
        let message = try #require(failure?.message)
        #expect(message.contains("wide"))
        let enough = try #require(
            message.split(separator: "--memory ").last.flatMap { ByteCount($0.dropLast()) })
        #expect(try merge.merge(into: "out", memory: enough.bytes) == merge.merge(into: "b", memory: 1 << 30))
    }

    /// What a plan says is copied, and what passes through as it is.
    @Test(arguments: [false, true])
    func copiedFloatsKeepTheirPayloadsAndAreWarnedAbout(passesThrough: Bool) throws {
        var tensor = PlannedMerge.Tensor(name: "odd", shape: [300, 300], types: [.bf16], format: .bfloat16)
        tensor.isCopied = !passesThrough
        if passesThrough {
            (tensor.rule, tensor.inputs, tensor.hasReference) = (.blend(.scaled(nil)), [0], false)
        }
        let merge = try PlannedMerge([tensor], modelCount: 0, seed: 3)
        try merge.overwrite(
            merge.plan.inputs[0].path, at: merge.plan.inputs[0].size - 4, with: [0xC5, 0x7F, 0x80, 0xFF])
        let progress = MergeProgress()
        let output = try merge.merge(into: "out", memory: 1 << 20, progress: progress)
        if !passesThrough { #expect(try output == merge.reference()) }
        #expect(output[0].suffix(4) == [0xC5, 0x7F, 0x80, 0xFF])
        #expect(progress.warnings == ["odd: model-0 holds 1 NaN and 1 infinite values"])
    }

    /// 100,000 is a number in float32 and bfloat16, and none in float16.
    @Test(arguments: [
        (
            FloatFormat.float16,
            " once it is in dtype (if it has none by itself, write dtype: bfloat16 or float32)"
        ),
        (.bfloat16, ""), (.float32, ""),
    ])
    func valuesThatTheirOwnTypeHoldsAreNotCalledInfinite(format: FloatFormat, words: String) throws {
        let tensor = PlannedMerge.Tensor(
            name: "odd", shape: [64, 64], types: [.f32, .f32], format: format, densities: [0.5])
        let merge = try PlannedMerge([tensor], modelCount: 1, seed: 3)
        guard case .merge(let plan) = merge.plan.shards[0].tensors[0].source else { return }
        let large = withUnsafeBytes(of: Float(100_000).bitPattern.littleEndian) { Array($0) }
        try merge.overwrite(merge.plan.inputs[1].path, at: plan.inputs[0].offset, with: large)
        let progress = MergeProgress()
        _ = try merge.merge(into: "out", memory: 1 << 30, progress: progress)
        let expected = words.isEmpty ? nil : "odd: model-1 holds 0 NaN and 1 infinite values\(words)"
        #expect(progress.warnings.first { $0.contains("model-1") } == expected, "\(progress.warnings)")
    }

    @Test func nanAndInfinityAreCountedByModel() throws {
        let tensor = PlannedMerge.Tensor(
            name: "odd", shape: [64, 64], types: [.f32, .f32], format: .float32, densities: [0.5])
        let merge = try PlannedMerge([tensor], modelCount: 1, seed: 3)
        let input = merge.plan.inputs[1]
        let place = merge.plan.shards[0].tensors[0]
        guard case .merge(let plan) = place.source else { return }
        try merge.overwrite(
            input.path, at: plan.inputs[0].offset, with: [0, 0, 0xC0, 0x7F, 0, 0, 0x80, 0x7F])
        let progress = MergeProgress()
        _ = try merge.merge(into: "out", memory: 1 << 30, progress: progress)
        #expect(progress.warnings.contains("odd: model-1 holds 1 NaN and 1 infinite values"))
    }
}
