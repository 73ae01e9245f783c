import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// The plain reference against whole merges, and what an audit makes of those that are not right.
@Suite struct OutputAuditTests {
    /// Those of the pipeline's tests, with fewer rows: a debug build takes some microseconds an element.
    static func tensors(_ models: Int) -> [PlannedMerge.Tensor] {
        MergePipelineTests.tensors(models).map { tensor in
            var tensor = tensor
            if tensor.shape.count > 1 { tensor.shape[0] = min(tensor.shape[0], 60) }
            return tensor
        }
    }

    @Test(arguments: [0, 1, 2, 4])
    func everyRowOfAMergeIsAsComputedAnew(models: Int) throws {
        let seed = TestSeed.drawn()
        let merge = try PlannedMerge(
            Self.tensors(models), modelCount: models, seed: seed, shardBytes: 80_000)
        for electsSigns in [true, false] {
            merge.setElection(electsSigns)
            _ = try merge.merge(into: "\(electsSigns)", memory: 1 << 30)
            let report = try merge.audit("\(electsSigns)", .share(1))
            #expect(report.difference == nil, "seed \(seed)")
            #expect(report.tensors == merge.plan.shards.reduce(0) { $0 + $1.tensors.count })
            let data = merge.plan.shards.flatMap(\.tensors).reduce(0) { $0 + $1.byteCount }
            #expect(report.bytes == data)
            // Without what the record has of whole tensors it is found anew.
            #expect(try merge.audit("\(electsSigns)", .share(0.1), isRecorded: false).difference == nil)
        }
    }

    @Test func aRowLongerThanWhatIsReadAtOnceIsComputedAnew() throws {
        let tensors = FloatFormat.allCases.map { format in
            PlannedMerge.Tensor(
                name: "long \(format)", shape: [1, PlainTensor.pieceElements + 777], types: [.bf16, .bf16],
                format: format, densities: [0.4])
        }
        let merge = try PlannedMerge(tensors, modelCount: 1, seed: 5)
        _ = try merge.merge(into: "out", memory: 1 << 30)
        #expect(try merge.audit("out", .share(1)).difference == nil)
    }

    /// NaN, infinities, ties and zeros of both signs.
    @Test(arguments: FloatFormat.allCases)
    func oddValuesAreComputedAnew(format: FloatFormat) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let tensors = (0..<6).map { number in
            PlannedMerge.Tensor(
                name: "odd \(number)", shape: [9, 120], types: [.f32, .f32, .f32], format: format,
                densities: [number % 2 == 0 ? 0.5 : 1, 0.7], normalize: number % 3 == 0)
        }
        let merge = try PlannedMerge(tensors, modelCount: 2, seed: seed)
        let odd: [Float] = [.nan, .infinity, -.infinity, 0, -0.0, 1, 1, 1, 0x1p-149, 3e38, -3e38, 65520]
        for input in merge.plan.inputs {
            for _ in 0..<600 {
                let place = input.size - 4 * UInt64.random(in: 1...6000, using: &random)
                let bits = odd.randomElement(using: &random)!.bitPattern.littleEndian
                try merge.overwrite(input.path, at: place, with: withUnsafeBytes(of: bits) { Array($0) })
            }
        }
        for electsSigns in [true, false] {
            merge.setElection(electsSigns)
            _ = try merge.merge(into: "\(electsSigns)", memory: 1 << 30)
            let report = try merge.audit("\(electsSigns)", .share(1))
            #expect(report.difference == nil, "seed \(seed)")
        }
    }

    @Test func aBitThatIsNotRightIsFoundAndNamed() throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let merge = try PlannedMerge(
            Self.tensors(2), modelCount: 2, seed: seed, shardBytes: 60_000)
        _ = try merge.merge(into: "out", memory: 1 << 30)
        for _ in 0..<6 {
            let shard = merge.plan.shards.randomElement(using: &random)!
            let tensor = shard.tensors.filter { $0.byteCount > 0 }.randomElement(using: &random)!
            let byte = UInt64.random(in: 0..<tensor.byteCount, using: &random)
            let path = merge.folder.appending("out").appending(shard.fileName)
            try flipBit(of: path, at: tensor.offset + byte)
            let difference = try merge.audit("out", .share(1)).difference
            #expect(difference?.tensor == tensor.name, "seed \(seed)")
            #expect(difference?.file == path)
            let element = Int(byte) / (tensor.type.bitWidth / 8)
            switch difference?.place {
            case .element(let row, let column, let expected, let found, _):
                #expect(row * tensor.rowLength + column == element, "seed \(seed)")
                #expect(expected != found)
            case .byte(let place, _, _): #expect(place == Int(byte), "seed \(seed)")
            default: Issue.record("seed \(seed): \(String(describing: difference))")
            }
            try flipBit(of: path, at: tensor.offset + byte)
        }
        #expect(try merge.audit("out", .share(1)).difference == nil)
    }

    @Test func aConstantThatIsNotRightIsFoundInAnAuditOfAll() throws {
        let merge = try PlannedMerge(Self.tensors(1), modelCount: 1, seed: 1)
        _ = try merge.merge(into: "out", memory: 1 << 30)
        var words = try #require(merge.recordedConstants("out")["embed"]?.stringValue)
        words.replaceSubrange(words.index(before: words.endIndex)..., with: words.last == "0" ? "1" : "0")
        let constants = try #require(TensorConstants(text: words))
        let difference = try merge.audit("out", .share(1), constants: ["embed": constants]).difference
        #expect(difference?.tensor == "embed")
        guard case .constant(0, let expected, let found) = difference?.place else {
            Issue.record("\(String(describing: difference))")
            return
        }
        #expect(expected != found && found == constants.words[0])
    }

    @Test func anotherLayoutIsADifference() throws {
        let merge = try PlannedMerge(Self.tensors(1), modelCount: 1, seed: 1)
        let other = try PlannedMerge(Self.tensors(1).reversed(), modelCount: 1, seed: 1)
        _ = try other.merge(into: "out", memory: 1 << 30)
        try FileSystem.rename(
            other.folder.appending("out"), to: merge.folder.appending("out"), replacing: false)
        guard case .layout = try merge.audit("out", .share(0.5)).difference?.place else {
            Issue.record("no difference of the layout")
            return
        }
    }

    @Test func aLittleTimeIsARowOfEveryTensorAndMoreIsMore() throws {
        let merge = try PlannedMerge(Self.tensors(1), modelCount: 1, seed: 1)
        _ = try merge.merge(into: "out", memory: 1 << 30)
        let least = try merge.audit("out", .seconds(0))
        let tensors = merge.plan.shards.flatMap(\.tensors)
        #expect(least.share == 0 && least.tensors == tensors.count)
        #expect(least.rows >= tensors.count { $0.byteCount > 0 })
        let more = try merge.audit("out", .seconds(60))
        #expect(more.share == 1 && more.rows > 2 * least.rows)
        #expect(more.difference == nil)
    }

    private func flipBit(of path: FilePath, at offset: UInt64) throws {
        let file = try OpenFile.forUpdating(path, direct: false)
        let byte = try file.read(upTo: 1, at: offset)[0] ^ 0x40
        try withUnsafeBytes(of: byte) { try file.write($0, at: offset) }
    }
}

extension PlannedMerge {
    /// Merges with an election of signs, or without, from now on.
    func setElection(_ electsSigns: Bool) {
        changeMerges { merge in
            guard var rule = merge.deltas else { return }
            rule.electsSigns = electsSigns
            merge.rule = .deltas(rule)
        }
    }

    /// Audits what was merged into `name`, by its record.
    func audit(
        _ name: String, _ extent: OutputAudit.Extent, constants: [String: TensorConstants] = [:],
        isRecorded: Bool = true
    ) throws -> AuditReport {
        let recorded = try recordedConstants(name)
        let audit = OutputAudit(
            plan, readable: .all, folder: folder.appending(name), fileNames: plan.shards.map(\.fileName),
            seed: 7, progress: MergeProgress(), stop: StopRequest()
        ) { _, tensor in
            guard isRecorded else { return nil }
            return constants[tensor.name]
                ?? recorded[tensor.name]?.stringValue.flatMap { TensorConstants(text: $0) }
        }
        return try audit.perform(extent)
    }
}
