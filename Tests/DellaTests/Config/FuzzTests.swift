import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Damaged configs and damaged headers: always a plan or named problems, never a crash or a hang.
///
/// Runs for two seconds each; `DELLAD_FUZZ_SECONDS` sets another time, `DELLAD_FUZZ_SEED` repeats a run, whose
/// seed a failure names.
@Suite struct FuzzTests {
    private static let time: Duration = .seconds(
        getenv("DELLAD_FUZZ_SECONDS").flatMap { Int(String(cString: $0)) } ?? 2)

    private static var seed: UInt64 { TestSeed.asked() }

    /// One planning may compute for so long before it counts as a hang.
    private static let patience = Duration.seconds(10)

    @Test func aDamagedConfigIsPlannedOrNamed() throws {
        let seed = Self.seed
        var random = SeededRandom(seed: seed)
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One Test/Two Test/Three")
        let names = MergekitAgreementTests.names("rules")
        var corpus = try names.map { try TestResources.read("mergekit/\($0)") }
        corpus.append(try TestResources.read("pasted/seed-flattened.yml"))
        let planner = MergePlanner(library: models.library)
        let clock = ContinuousClock()
        let end = clock.now + Self.time
        var planned = 0, refused = 0
        while clock.now < end {
            let text = Mutation.config(corpus, using: &random)
            let begin = ThreadTime.now
            do throws(MergeProblems) {
                let plan = try planner.plan(text, fileName: "fuzz.yml", outputName: "fuzz")
                #expect(Self.isSound(plan), "seed \(seed): \(String(decoding: text, as: UTF8.self))")
                planned += 1
            } catch {
                let isNamed = !error.problems.isEmpty && error.problems.allSatisfy { !$0.message.isEmpty }
                #expect(isNamed && (65...66).contains(error.exitCode), "seed \(seed)")
                refused += 1
            }
            #expect(
                ThreadTime.now - begin < Self.patience,
                "seed \(seed): \(String(decoding: text, as: UTF8.self))")
        }
        // Both ends are reached, else the mutations are too weak or too strong to find anything.
        #expect(planned > 0 && refused > 0, "seed \(seed): \(planned) planned, \(refused) refused")
    }

    @Test func aDamagedHeaderIsPlannedOrNamed() throws {
        let seed = Self.seed
        var random = SeededRandom(seed: seed)
        let models = try TinyModels()
        try models.make("Test/Base")
        try models.make("Test/One")
        let path = models.folder.pushing("Test/One/model.safetensors")
        let original = try FileSystem.readWhole(path, limit: 1 << 20)
        let planner = MergePlanner(library: models.library)
        let config = Array(Rule.model("Test/One").utf8)
        let clock = ContinuousClock()
        let end = clock.now + Self.time
        var planned = 0, refused = 0
        while clock.now < end {
            try FileSystem.remove(path)
            try FileSystem.writeWhole(Mutation.header(original, using: &random), to: path, sync: false)
            let begin = ThreadTime.now
            do throws(MergeProblems) {
                let plan = try planner.plan(config, fileName: "fuzz.yml", outputName: "fuzz")
                #expect(Self.isSound(plan), "seed \(seed)")
                planned += 1
            } catch {
                #expect(
                    !error.problems.isEmpty && error.problems.allSatisfy { $0.line != nil }, "seed \(seed)")
                refused += 1
            }
            #expect(ThreadTime.now - begin < Self.patience, "seed \(seed)")
        }
        #expect(planned > 0 && refused > 0, "seed \(seed): \(planned) planned, \(refused) refused")
    }

    @Test func aDamagedIndexOfManyEntriesIsPlannedOrNamed() throws {
        let seed = Self.seed
        var random = SeededRandom(seed: seed)
        let models = try TinyModels()
        try models.make("Test/Base")
        try models.make("Test/One")
        let folder = models.folder.pushing("Test/One")
        let path = folder.appending("model.safetensors.index.json")
        let names = try Checkpoint(opening: folder).tensors.map(\.name)
        // Beside a file of the usual name, a wrong index is not believed.
        try FileSystem.rename(
            folder.appending("model.safetensors"), to: folder.appending("part.safetensors"), replacing: false)
        let config = Array(Rule.model("Test/One").utf8)
        let planner = MergePlanner(library: models.library, memory: 64 << 20)
        let clock = ContinuousClock()
        let end = clock.now + Self.time
        var planned = 0, refused = 0
        while clock.now < end || (planned == 0 || refused == 0) && planned + refused < 100 {
            // The model's own names, or many more, in any order, some of them twice or damaged.
            let others = Bool.random(using: &random) ? 0 : Int.random(in: 1...100_000, using: &random)
            var text = Array("{\"metadata\": {\"a\": [1, {}]}, \"weight_map\": {".utf8)
            for (number, name) in (names + (0..<others).map { "extra.\($0).weight" }).enumerated() {
                let file = number % 997 == 996 ? "other.safetensors" : "part.safetensors"
                text += Array("\(number == 0 ? "" : ", ")\"\(name)\": \"\(file)\"".utf8)
            }
            text += Array("}}".utf8)
            for _ in 0..<(Bool.random(using: &random) ? 0 : Int.random(in: 1...3, using: &random)) {
                text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            if try FileSystem.status(path) != nil { try FileSystem.remove(path) }
            try FileSystem.writeWhole(text, to: path, sync: false)
            let begin = ThreadTime.now
            do throws(MergeProblems) {
                let plan = try planner.plan(config, fileName: "fuzz.yml", outputName: "fuzz")
                #expect(Self.isSound(plan), "seed \(seed)")
                planned += 1
            } catch {
                #expect(
                    !error.problems.isEmpty && error.problems.allSatisfy { $0.line != nil }, "seed \(seed)")
                refused += 1
            }
            #expect(ThreadTime.now - begin < Self.patience, "seed \(seed)")
        }
        #expect(planned > 0 && refused > 0, "seed \(seed): \(planned) planned, \(refused) refused")
    }

    /// What must hold of every plan: tensors without holes, inputs within their files, parameters in bounds.
    private static func isSound(_ plan: MergePlan) -> Bool {
        func isInside(_ input: InputTensor) -> Bool {
            plan.inputs.indices.contains(input.file)
                && input.offset + input.byteCount <= plan.inputs[input.file].size
        }
        return plan.shards.allSatisfy { shard in
            var offset = UInt64(shard.header.count)
            return shard.tensors.allSatisfy { tensor in
                defer { offset += tensor.byteCount }
                guard tensor.offset == offset, offset + tensor.byteCount <= shard.byteCount else {
                    return false
                }
                guard case .merge(let merge) = tensor.source else { return true }
                let terms = merge.deltas?.terms ?? []
                return merge.allInputs.allSatisfy(isInside)
                    && terms.allSatisfy { term in
                        guard case .magprune(let density, let epsilon) = term.sparsifier else { return false }
                        let reach = abs(epsilon)
                        return term.weight.isFinite
                            && (!term.sparsifier.isPartial || (density - reach > 0 && density + reach < 1))
                    }
            }
        }
    }
}
