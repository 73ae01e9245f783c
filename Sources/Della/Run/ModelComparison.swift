import StreamIO
import SystemPackage

/// Models held against the first of them, with nothing merged and nothing written: each is read once, in a merge's memory.
public struct ModelComparison {
    /// Transfers that may be under way at once.
    private static let queueDepth = 64

    /// What is read: the plan of a merge that adds all differences.
    public let plan: MergePlan
    private let options: MergeOptions
    private let library: ModelLibrary
    private let remark: @Sendable (String) -> Void

    /// - Parameters:
    ///   - plan: of `plan(_:tokenizerSource:by:isStopped:)`.
    ///   - remark: told what a reader should know: which engine is used.
    public init(
        plan: MergePlan, options: MergeOptions, library: ModelLibrary,
        remark: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.plan = plan
        self.options = options
        self.library = library
        self.remark = remark
    }

    // MARK: Planning

    /// Finds the models, and what each tensor of the first is called in the others.
    ///
    /// - Parameters:
    ///   - models: the reference, then the others; adapters as configs write them, `BASE+ADAPTER`.
    ///   - tokenizerSource: as in a config, for models whose vocabularies differ.
    /// - Returns: `nil` where it was stopped.
    /// - Throws: everything that keeps the models from being compared, or merged, of `compare` and not of a line.
    public static func plan(
        _ models: [String], tokenizerSource: String? = nil, by planner: MergePlanner, isStopped: () -> Bool
    ) throws(MergeProblems) -> MergePlan? {
        do throws(MergeProblems) {
            let config = config(models, tokenizerSource: tokenizerSource, format: nil)
            guard
                var plan = try planner.plan(
                    config, fileName: "compare", outputName: "", isStopped: isStopped)
            else { return nil }
            // Where types differ, differences are taken of what is stored, not of what a merge would round it to.
            if plan.roundsInputs {
                let exact = self.config(models, tokenizerSource: tokenizerSource, format: .float32)
                guard
                    let other = try planner.plan(
                        exact, fileName: "compare", outputName: "", isStopped: isStopped)
                else { return nil }
                plan = other
            }
            plan.warnings = plan.warnings.map { ofComparison(withoutLine($0)) }
            return plan
        } catch {
            throw MergeProblems(
                fileName: error.fileName,
                problems: error.problems.map {
                    Problem(
                        line: nil, $0.message, remedy: ofComparison($0.remedy), kind: $0.kind,
                        model: $0.model)
                })
        }
    }

    /// The merge that adds all differences. JSON's strings are YAML's.
    private static func config(
        _ models: [String], tokenizerSource: String?, format: FloatFormat?
    ) -> [UInt8] {
        func quoted(_ text: String) -> String { JSON.string(text).serialized() }
        var lines = ["merge_method: task_arithmetic", "base_model: \(quoted(models[0]))", "models:"]
        for model in models.dropFirst() {
            lines.append("  - {model: \(quoted(model)), parameters: {weight: 1}}")
        }
        if let tokenizerSource { lines.append("tokenizer_source: \(quoted(tokenizerSource))") }
        if let format { lines.append("dtype: \(format.name)") }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// Ends of sentences that speak of what a merge does with its output.
    private static let ofMerges = [
        ": gradients end at layer", "; the output has neither scales nor quantization_config",
        ", and the output has no quantization_config",
    ]

    /// What is said of a merge as it is true of a comparison, which has an option in place of a config's key.
    private static func ofComparison(_ text: String) -> String {
        for end in ofMerges {
            if let place = text.firstRange(of: end) { return String(text[..<place.lowerBound]) }
        }
        return text.replacing(
            "write tokenizer: {source: base}, or union,", with: "give --tokenizer-source base, or union,"
        ).replacing("write tokenizer: {source: base}", with: "give --tokenizer-source base")
    }

    /// A warning without the line that it speaks of, which nobody wrote.
    private static func withoutLine(_ warning: String) -> String {
        guard warning.hasPrefix("line "), let end = warning.firstIndex(of: ":") else { return warning }
        return String(warning[end...].dropFirst(2))
    }

    // MARK: Reading

    /// Reads the models.
    ///
    /// - Parameter each: given each tensor in the order of the reference's file, on the calling thread.
    /// - Returns: the report, which `each` may add nothing to.
    /// - Throws: `MergeFailure`.
    public func perform(
        progress: MergeProgress, stop: StopRequest, each: (ReportedTensor) -> Void
    ) throws(MergeFailure) -> MergeReport {
        let budget = min(options.memory, plan.memoryLimit ?? .max)
        let layout = try MergeLayout(plan, memory: budget, threads: options.threads)
        do {
            let arena = try Arena(byteCount: layout.arenaBytes)
            let engine = try makeEngine(
                options.engine, queueDepth: Self.queueDepth, arena: arena, report: remark)
            let kernels = try RowKernels.select(level: options.level)
            return try withoutActuallyEscaping(each) { each in
                let order = MeasuredOrder(plan, plan.comparison) { each($0) }
                let pipeline = try MergePipeline(
                    plan, layout: layout, arena: arena.baseAddress, engine: engine, kernels: kernels,
                    resume: ResumePoint(), progress: progress, stop: stop,
                    environment: PipelineEnvironment(
                        folder: "", readable: library.readable, takesSHA256: false,
                        isMemoryQuick: options.isMemoryQuick, measured: { order.note($1, at: $0) },
                        journal: { _ in }),
                    trace: nil)
                _ = try pipeline.run()
                order.finish()
                return order.report
            }
        } catch let error as SIMDLevelError {
            throw MergeFailure(.unsupportedSIMD, "\(error)")
        } catch {
            throw MergeFailure(error)
        }
    }
}

/// Puts figures, which come as tensors are done, into the order of the plan.
private final class MeasuredOrder {
    private(set) var report: MergeReport
    private let plan: MergePlan
    private let each: (ReportedTensor) -> Void
    /// The next tensor that is due; `nil` at the end.
    private var place: TensorPlace?
    /// What came before its turn: of the tensors under way alone.
    private var early: [TensorPlace: TensorStatistics?] = [:]

    init(_ plan: MergePlan, _ comparison: ReportedMerge, each: @escaping (ReportedTensor) -> Void) {
        self.plan = plan
        self.each = each
        report = MergeReport(comparison)
        place = plan.next(after: TensorPlace(shard: 0, index: -1))
    }

    func note(_ statistics: TensorStatistics?, at place: TensorPlace) {
        early[place] = .some(statistics)
        while let due = self.place {
            if let statistics = early.removeValue(forKey: due) {
                add(due, statistics)
            } else if plan.shards[due.shard].tensors[due.index].elementCount == 0 {
                // Nothing is read of it.
                add(due, nil)
            } else {
                return
            }
        }
    }

    /// What is left is empty.
    func finish() {
        while let due = place { add(due, early.removeValue(forKey: due) ?? nil) }
    }

    private func add(_ due: TensorPlace, _ statistics: TensorStatistics?) {
        let tensor = plan.reported(due, statistics)
        report.add(tensor)
        each(tensor)
        place = plan.next(after: due)
    }
}

extension MergePlan {
    /// What a report says of models that are compared.
    public var comparison: ReportedMerge {
        let reference = modelNames.first ?? ""
        return ReportedMerge(
            title: reference, method: nil, reference: reference, models: modelNames, config: "",
            version: Version.current)
    }

    /// Whether some tensor is stored in a type that the one computed in does not hold.
    fileprivate var roundsInputs: Bool {
        tensors.contains { tensor in
            guard let merge = tensor.arithmetic, merge.format != .float32 else { return false }
            return merge.allInputs.contains { $0.type != merge.format.elementType }
        }
    }
}
