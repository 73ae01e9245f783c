import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Every stored type of base and model, in every `dtype` and `out_dtype`, at every alignment of the data, within
/// budgets that keep all, some and nothing of a tensor, by either engine, stopped midway, and from dellad's own
/// outputs: through files, byte for byte.
@Suite struct StoredTypeTests {
    struct Formats: CustomTestStringConvertible {
        var dtype: StoredType?
        var output: StoredType?

        var testDescription: String {
            "dtype \(dtype?.configName ?? "none"), out_dtype \(output?.configName ?? "none")"
        }

        static let all = ([nil] + StoredType.formats).flatMap { dtype in
            ([nil] + StoredType.formats).map { Formats(dtype: dtype, output: $0) }
        }
    }

    /// Each pair of types meets each `dtype` at each pair of alignments in four merges, one for each `out_dtype`: within
    /// a budget that keeps nothing, a part and all of the largest tensors, and stopped wherever it is.
    @Test(arguments: Array(Formats.all.enumerated()))
    func theTypeInWhichATensorIsStoredMattersOnlyByItsValues(number: Int, formats: Formats) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let rig = try StoredTypeRig(StoredTypeRig.large)
        let expected = try rig.expected("base-0", "model-0", dtype: formats.dtype, output: formats.output)
        var merges = 0
        var wrong: [String] = []
        for base in StoredTypeRig.alignments {
            for model in StoredTypeRig.alignments {
                let plan = try rig.plan(
                    "base-\(base)", "model-\(model)", dtype: formats.dtype, output: formats.output)
                let output = rig.folder.appending("out-\(merges)")
                let budgets = Self.budgets(plan)
                let kind = (merges + number) % 4
                let engine: IOEngineKind = (merges / 4 + number / 4) % 2 == 0 ? .uring : .posix
                if kind == budgets.count {
                    try stopAndGoOn(plan, output, budgets: budgets, using: &random)
                } else {
                    let options = MergeOptions(
                        memory: budgets[kind], threads: 1 + merges % 2, engine: engine)
                    _ = try MergeRun(plan: plan, configText: [], output: output, options: options)
                        .perform(progress: MergeProgress(), stop: StopRequest())
                }
                wrong += try rig.wrong(output, expected).map { name in
                    "\(name), base at \(base), model at \(model), "
                        + (kind == budgets.count ? "stopped" : "\(budgets[kind]) bytes, \(engine)")
                }
                try FileSystem.removeTree(output)
                merges += 1
            }
        }
        print(
            "stored types, \(formats.testDescription): \(merges) merges, "
                + "\(merges * expected.count) tensors, \(wrong.count) wrong")
        #expect(merges == StoredTypeRig.alignments.count * StoredTypeRig.alignments.count)
        #expect(wrong.isEmpty, "seed \(seed): \(wrong.prefix(8))")
    }

    /// Budgets that keep nothing of the largest tensors between the phases, a part, and all.
    private static func budgets(_ plan: MergePlan) -> [UInt64] {
        let least = MergeLayout.least(for: plan, threads: 2).memory
        return [least, least + 512 << 10, 64 << 20]
    }

    /// Merges with stops wherever it is, each time within another budget.
    private func stopAndGoOn(
        _ plan: MergePlan, _ output: FilePath, budgets: [UInt64], using random: inout SeededRandom
    ) throws {
        for run in 0..<100 {
            let progress = MergeProgress()
            let stop = StopRequest()
            let limit = UInt64.random(in: 0...16_000_000, using: &random)
            if run < 3 {
                progress.onUpdate { if $0.bytesRead + $0.bytesWritten > limit { stop.request() } }
            }
            let options = MergeOptions(
                memory: budgets.randomElement(using: &random)!,
                threads: Int.random(in: 1...2, using: &random),
                engine: Bool.random(using: &random) ? .uring : .posix)
            var failure: MergeFailure?
            do throws(MergeFailure) {
                _ = try MergeRun(plan: plan, configText: [], output: output, options: options)
                    .perform(progress: progress, stop: stop)
            } catch {
                failure = error
            }
            guard let failure else { return }
            try #require(failure.kind == .stopped, "\(failure.message)")
        }
        Issue.record("no end")
    }

    /// Merges of merges: dellad's own files, whose data begin on a page, in each type it writes.
    @Test func chainsOfMergesOverOutputsOfEveryTypeAreRight() throws {
        let rig = try StoredTypeRig(StoredTypeRig.small)
        let formats = StoredType.formats
        var merges = 0
        var wrong: [String] = []
        func merge(
            _ base: String, _ model: String, _ dtype: StoredType?, _ output: StoredType?, to name: String
        )
            throws
        {
            let plan = try rig.plan(base, model, dtype: dtype, output: output)
            let folder = rig.folder.appending(name)
            _ = try MergeRun(
                plan: plan, configText: [], output: folder,
                options: MergeOptions(memory: 64 << 20, threads: 2, engine: merges % 2 == 0 ? .uring : .posix)
            ).perform(progress: MergeProgress(), stop: StopRequest())
            let expected = try rig.expected(base, model, dtype: dtype, output: output)
            wrong += try rig.wrong(folder, expected).map { "\(base) + \(model) → \(name): \($0)" }
            merges += 1
        }
        for type in formats {
            // Tensors of one type are merged with their like, of several with any.
            try merge("base-1", "model-2", .f32, type, to: "first-\(type)")
            try merge("model-2", "base-512", nil, type, to: "other-\(type)")
        }
        for base in formats {
            for model in formats {
                for dtype in [nil] + formats {
                    let output = ([nil] + formats)[merges % 4]
                    let name = "second-\(base)-\(model)-\(dtype?.rawValue ?? "none")"
                    try merge("first-\(base)", "other-\(model)", dtype, output, to: name)
                }
            }
        }
        for base in formats {
            for model in formats {
                try merge(
                    "second-\(base)-\(model)-BF16", "second-\(model)-\(base)-none", .f16, nil,
                    to: "third-\(base)-\(model)")
            }
        }
        print("chains: \(merges) merges, \(wrong.count) tensors wrong")
        #expect(wrong.isEmpty, "\(wrong.prefix(8))")
    }
}
