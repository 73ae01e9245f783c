import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What planning may take, and what is said where that is not enough.
@Suite struct PlanMemoryTests {
    private static let config =
        "base_model: Test/Base\nmerge_method: della\nmodels:\n"
        + "  - {model: Test/One, parameters: {weight: 0.5, density: 0.5, epsilon: 0.1}}\n"

    /// Models of so many tensors of a few bytes.
    private func makeModels(_ names: [String], tensors: Int) throws -> TinyModels {
        let models = try TinyModels()
        for name in names {
            let list = (0..<tensors).map { number in
                TinyModels.Tensor(
                    name: "model.layers.\(number / 8).some_part_\(number % 8).weight", type: .bf16,
                    shape: [2, 2])
            }
            try models.writeModel(
                name, tensors: list,
                config: .object(JSONObject([("num_hidden_layers", .int((tensors + 7) / 8))])))
        }
        return models
    }

    /// Plans with the memory that a budget leaves beyond the plan's own.
    private func plan(_ text: String, in models: TinyModels, memory: UInt64?) throws(MergeProblems)
        -> MergePlan
    {
        try MergePlanner(library: models.library, memory: memory).plan(
            Array(text.utf8), fileName: "merge.yml", outputName: "Out")
    }

    /// Bytes that the figure of a problem's remedy stands for.
    private func advised(_ problem: Problem) throws -> UInt64 {
        let text = try #require(problem.remedy.split(separator: " ").last)
        #expect(problem.remedy == "use --memory \(text)")
        return try #require(ByteCount(text)).bytes
    }

    @Test func aPlanIsTheSameWhateverHowItIsHeld() throws {
        let models = try makeModels(["Test/Base", "Test/One"], tensors: 40)
        let plan = try plan(Self.config, in: models, memory: nil)
        for shard in plan.shards {
            // Each tensor made anew is the one that was planned, and packs to the same.
            let copy = OutputTensorList(Array(shard.tensors))
            #expect(copy == shard.tensors && copy.hashValue == shard.tensors.hashValue)
            let header = try SafetensorsHeader(parsing: shard.header, fileByteCount: shard.byteCount)
            #expect(header.byteCount == UInt64(shard.headerByteCount))
            #expect(header.encoded() == shard.header)
            #expect(header.tensors.map(\.name) == shard.tensors.map(\.name))
            #expect(
                zip(header.tensors, shard.tensors).allSatisfy { $0.begin + header.byteCount == $1.offset })
        }
        #expect(plan.recipes.count == 1)
    }

    @Test func aPlanTakesWhatIsStated() throws {
        let few = try plan(Self.config, in: makeModels(["Test/Base", "Test/One"], tensors: 100), memory: nil)
        let many = try plan(
            Self.config, in: makeModels(["Test/Base", "Test/One"], tensors: 2_100), memory: nil)
        let each =
            Double(
                many.shards[0].tensors.storage.tensors.memory - few.shards[0].tensors.storage.tensors.memory)
            / 2_000
        // 25 bytes, 15 for each of two inputs, a name of some 36, two dimensions.
        #expect(each > 80 && each < 25 + 30 + 40 + 16)
    }

    @Test func modelsThatDoNotFitAreRefusedWithTheBudgetThatWould() throws {
        let models = try makeModels(["Test/Base", "Test/One", "Test/Two"], tensors: 3_000)
        var memory = PlanMemory(budget: 0)
        #expect(memory.room == PlanMemory.allowance)
        memory.take(PlanMemory.allowance - 1, tensors: 1, line: 1)
        #expect(memory.problem == nil && memory.room == 1)
        memory.take(3 << 20, tensors: 5, line: 7)
        memory.take(1 << 20, tensors: 6, line: 8)
        let problem = try #require(memory.problem)
        #expect(problem.line == 7)
        #expect(
            problem.message
                == "planning takes 36M of memory, and there are 32M for it: 11 tensors are too many")
        #expect(try advised(problem) == 4 << 20)
        _ = models
    }

    @Test func whatIsAdvisedDoes() throws {
        // Names so long that a few thousand tensors take more than a plan has beside the budget.
        let models = try TinyModels()
        let long = String(repeating: "n", count: 4_000)
        for name in ["Test/Base", "Test/One"] {
            let tensors = (0..<3_500).map { TinyModels.Tensor(name: "\(long)\($0)", type: .bf16, shape: [1]) }
            try models.writeModel(name, tensors: tensors, config: .object(JSONObject()))
        }
        var budget: UInt64 = 0
        var refusals = 0
        var plan: MergePlan?
        while plan == nil, refusals < 3 {
            do throws(MergeProblems) {
                plan = try self.plan(Self.config, in: models, memory: budget)
            } catch {
                refusals += 1
                #expect(error.problems.count == 1 && error.exitCode == 65, "\(error)")
                #expect(error.problems[0].line != nil)
                let next = try advised(error.problems[0])
                #expect(next > budget)
                budget = next
            }
        }
        // The models are seen first, and then what is planned of them.
        #expect(plan != nil && refusals > 0 && refusals <= 2)
        let planned = try #require(plan)
        #expect(planned.memory > 3_500 * 4_000)
        // What the plan takes beyond its own is the budget's.
        let least = MergeLayout.least(for: planned, threads: 1).memory
        #expect(throws: MergeFailure.self) { _ = try MergeLayout(planned, memory: least - 1, threads: 1) }
        _ = try MergeLayout(planned, memory: least, threads: 1)
    }

    @Test func moreTensorsThanAPlanHasAreRefused() throws {
        let models = try makeModels(["Test/Base"], tensors: 1_600)
        let slices = (0..<320).map { _ in "- sources: [{model: Test/Base, layer_range: [0, 200]}]\n" }
        let text = "base_model: Test/Base\nmerge_method: della\nslices:\n" + slices.joined()
        let error = try #require(throws: MergeProblems.self) { _ = try plan(text, in: models, memory: nil) }
        let problem = try #require(error.problems.first)
        #expect(problem.line == 3 || problem.line == 4)
        #expect(problem.message == "the output has 512000 tensors, and a plan at most 500000")
    }
}
