import StreamIO
import SystemPackage

/// The merge of a config from its text to the published folder, of all its documents: a config of one is one merge, as
/// `MergeRun` does it. Resumes where an earlier run stopped.
///
/// The stages of a recipe are merged in turn into `OUTPUT/.NAME.parts`, each with a journal of its own, and the result
/// into `OUTPUT/.NAME.partial`. Once the result has its name, stages that are kept get theirs, the others go, the caller
/// settles its books, and the result's journal goes: whatever happens before is finished by what comes next.
public struct RecipeRun {
    private let planner: MergePlanner
    private let recipe: MergeRecipe
    private let fileName: String
    private let output: FilePath
    private let options: MergeOptions
    private let report: @Sendable (String) -> Void
    private let parts: RecipeParts

    /// - Parameters:
    ///   - text: the config as given, of any size.
    ///   - fileName: its name in messages.
    ///   - output: the folder that will be published. Its parent must exist.
    ///   - report: told what an operator should know: why a merge starts over, which engine is used.
    public init(
        _ planner: MergePlanner, text: [UInt8], fileName: String, output: FilePath,
        options: MergeOptions,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.planner = planner
        self.fileName = fileName
        self.output = output
        self.options = options
        self.report = report
        recipe = MergeRecipe(text)
        parts = RecipeParts(output: output)
    }

    /// Plans, merges and publishes.
    ///
    /// - Parameters:
    ///   - planned: called once all of it is planned, before a weight is read.
    ///   - beforeForgetting: runs once the output is published and durable, before its journal goes.
    /// - Throws: every problem of the config, or what ended the merge. What is durable stays for a retry.
    public func perform(
        progress: MergeProgress, stop: StopRequest, planned: (RecipePlan) -> Void = { _ in },
        beforeForgetting: () throws -> Void = {}
    ) throws(RecipeError) -> MergeSummary {
        guard recipe.isSingle else {
            return try performAll(progress, stop, planned, beforeForgetting)
        }
        let plan: MergePlan?
        do throws(MergeProblems) {
            plan = try planner.plan(
                recipe.text, fileName: fileName, outputName: outputName, progress: progress, stop: stop)
        } catch {
            throw .problems(error)
        }
        guard let plan else { throw .failure(MergeFailure.stopped) }
        var all = RecipePlan()
        all.add(plan)
        try options.refuseTrace(asOneOf: all.modelFolders)
        planned(all)
        do throws(MergeFailure) {
            try removeParts()
            return try MergeRun(
                plan: plan, configText: recipe.text, output: output, options: options, report: report,
                library: planner.library
            ).perform(progress: progress, stop: stop, beforeForgetting: beforeForgetting)
        } catch {
            throw .failure(error)
        }
    }

    private var outputName: String { output.lastComponent?.string ?? "" }

    /// Removes what a recipe left that had this output before the config was one of one document.
    private func removeParts() throws(MergeFailure) {
        do throws(IOError) {
            guard try parts.isThere else { return }
            let lock = try FileLock.take(parts.lockFile)
            try parts.remove()
            withExtendedLifetime(lock) {}
        } catch {
            throw .creation(error, output: output)
        }
    }

    // MARK: Recipes

    private func performAll(
        _ progress: MergeProgress, _ stop: StopRequest, _ planned: (RecipePlan) -> Void,
        _ beforeForgetting: () throws -> Void
    ) throws(RecipeError) -> MergeSummary {
        let lock: FileLock
        do throws(MergeFailure) {
            let isFinished = try Self.finishPublished(
                output: output, config: recipe.text, mayName: false, beforeForgetting: beforeForgetting)
            if isFinished { return finishedSummary }
            lock = try begin()
        } catch {
            throw .failure(error)
        }
        // Held until all of it is done.
        defer {
            try? parts.removeIfUnused()
            withExtendedLifetime(lock) {}
        }
        let stages = RecipePlanner(
            planner: planner, recipe: recipe, fileName: fileName, outputName: outputName)
        let parts = parts
        let isStopped = {
            progress.beat()
            return stop.isRequested
        }
        let plan = try stages.planAll(
            skeletons: parts.skeletons, isStopped: isStopped,
            made: { (stage, plan) throws(IOError) in
                guard let name = stage.name else { return nil }
                let identity = MergeIdentity(plan, configText: stage.recipeText)
                return try parts.isMade(name, identity, plan) ? parts.stage(name) : nil
            })
        guard let plan else { throw .failure(MergeFailure.stopped) }
        try options.refuseTrace(asOneOf: plan.modelFolders)
        planned(plan)
        do {
            return try merge(stages, plan, progress, stop, beforeForgetting)
        } catch let failure as MergeFailure {
            throw .failure(failure)
        } catch let problems as MergeProblems {
            // Its models have changed since it was planned a moment ago.
            throw .problems(problems)
        } catch let error as IOError {
            throw .failure(.creation(error, output: output))
        } catch {
            preconditionFailure("a merge cannot throw \(error)")
        }
    }

    /// Locks the stages and makes their folder ready; refuses what would have no name in the end.
    private func begin() throws(MergeFailure) -> FileLock {
        do throws(IOError) {
            let lock = try FileLock.take(parts.lockFile)
            do throws(IOError) {
                try checkNames()
                try parts.prepare(for: recipe.stages.filter { !$0.isResult })
            } catch {
                try? parts.removeIfUnused()
                throw error
            }
            return lock
        } catch {
            let isNamed = error.errno == .fileExists && error.operation == "create"
            throw .creation(error, output: isNamed ? error.path : output)
        }
    }

    /// - Throws: `EEXIST` of the operation `create` where something has a name that is to be given.
    private func checkNames() throws(IOError) {
        // The result of an earlier run that is whole is its journal's matter.
        let isWhole = try MergeJournal.read(PartialFolder(output: output).journal)?.isComplete ?? false
        if !isWhole, try FileSystem.status(output, followLinks: false) != nil {
            throw IOError("create", output, .fileExists)
        }
        for stage in recipe.stages where stage.isKept && !stage.isResult {
            let place = parts.published(stage.name ?? "")
            if try FileSystem.status(place, followLinks: false) != nil {
                throw IOError("create", place, .fileExists)
            }
        }
    }

    /// Merges the stages in order, each planned once more from what is there now.
    private func merge(
        _ stages: RecipePlanner, _ whole: RecipePlan, _ progress: MergeProgress, _ stop: StopRequest,
        _ beforeForgetting: () throws -> Void
    ) throws -> MergeSummary {
        let isStopped = {
            progress.beat()
            return stop.isRequested
        }
        var known = RecipePlanner.Known()
        var resumptions = 0
        for (index, stage) in recipe.stages.enumerated() {
            guard let plan = try stages.plan(stage, known, isStopped: isStopped) else {
                throw MergeFailure.stopped
            }
            let library = stages.library(known)
            guard let name = stage.name, !stage.isResult else {
                begin(index, plan, of: whole, progress)
                let parts = parts
                var summary = try run(stage, plan, at: output, library).perform(
                    progress: progress, stop: stop,
                    beforeForgetting: {
                        try parts.settle()
                        try beforeForgetting()
                    })
                summary.resumptions += resumptions
                summary.warnings = whole.warnings + summary.warnings.filter { !whole.warnings.contains($0) }
                return summary
            }
            let identity = MergeIdentity(plan, configText: stage.recipeText)
            let isMade = try parts.isMade(name, identity, plan)
            begin(index, plan, of: whole, progress, isMade: isMade)
            resumptions +=
                isMade
                ? 1
                : try make(name, run(stage, plan, at: parts.stage(name), library), identity, progress, stop)
            known.add(stage, plan, at: parts.stage(name))
        }
        preconditionFailure("a recipe has a result")
    }

    /// Tells the progress of a stage that begins.
    private func begin(
        _ index: Int, _ plan: MergePlan, of whole: RecipePlan, _ progress: MergeProgress,
        isMade: Bool = false
    ) {
        var ahead = MergeProgress.Work()
        for work in whole.work[(index + 1)...] {
            ahead.tensors += work.tensors
            ahead.bytes += work.bytes
        }
        let name = recipe.stages[index].name ?? ""
        progress.begin(
            MergeProgress.Stage(name: name, number: index + 1, count: recipe.stages.count),
            expected: plan.work, ahead: ahead, isMade: isMade)
    }

    /// Merges a stage into its place, and notes that it is whole. How often it was taken up again.
    private func make(
        _ name: String, _ run: MergeRun, _ identity: MergeIdentity, _ progress: MergeProgress,
        _ stop: StopRequest
    ) throws -> Int {
        if let reason = try parts.clear(name, identity) { report("\(name): starting over: \(reason)") }
        let parts = parts
        do throws(MergeFailure) {
            return try run.perform(
                progress: progress, stop: stop, beforeForgetting: { try parts.noteMade(name, identity) }
            ).resumptions
        } catch {
            guard error.kind != .stopped else { throw error }
            throw MergeFailure(error.kind, "the stage \(name): \(error.message)")
        }
    }

    /// The merge of one stage.
    private func run(
        _ stage: RecipeStage, _ plan: MergePlan, at output: FilePath, _ library: ModelLibrary
    ) -> MergeRun {
        var options = options
        if !stage.isResult {
            // Of these, nobody reads the others.
            options.trace = nil
            options.report = options.report && stage.isKept
            options.sha256 = options.sha256 && stage.isKept
        }
        let report = report
        return MergeRun(
            plan: plan, configText: stage.recipeText, output: output, options: options,
            report: { text in report(stage.isResult ? text : "\(stage.title): \(text)") },
            library: library)
    }

    /// Of a merge whose last steps were all that was left.
    private var finishedSummary: MergeSummary {
        let names = (try? FileSystem.entries(of: output)) ?? []
        let sizes = names.filter { $0.hasSuffix(".safetensors") }.map { name in
            ((try? FileSystem.status(output.appending(name))) ?? nil)?.size ?? 0
        }
        return MergeSummary(
            bytesRead: 0, bytesWritten: 0, outputBytes: sizes.reduce(0, +), seconds: 0, resumptions: 1,
            engine: "none", simd: "none", warnings: [])
    }
}
