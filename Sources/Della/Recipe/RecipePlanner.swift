import StreamIO
import SystemPackage

/// Plans the stages of a recipe, each as a merge of its own whose models may be what earlier ones make.
///
/// What is not made yet is given to the planner as a skeleton. Once it is, the stage is planned again from the real one.
struct RecipePlanner {
    let planner: MergePlanner
    let recipe: MergeRecipe
    /// The config's name in messages.
    let fileName: String
    /// The name of the output folder.
    let outputName: String

    /// What is known of the stages before the one that is planned.
    struct Known {
        /// Where they are, by name.
        var places: [String: ModelLibrary.Stage] = [:]
        /// In order.
        var cards: [StageCard] = []

        /// Takes in a stage that was planned.
        mutating func add(_ stage: RecipeStage, _ plan: MergePlan, at folder: FilePath) {
            if let name = stage.name { places[name] = .folder(folder) }
            if let card = plan.card { cards.append(card) }
        }
    }

    /// Where models and the stages that are known are found.
    func library(_ known: Known) -> ModelLibrary {
        var library = planner.library
        library.stages = known.places
        return library
    }

    /// Plans one stage.
    ///
    /// - Returns: `nil` where it was stopped, or a stage that it uses could not be planned.
    func plan(
        _ stage: RecipeStage, _ known: Known, isStopped: () -> Bool
    ) throws(MergeProblems) -> MergePlan? {
        var planner = planner
        planner.library = library(known)
        let cards = known.cards.filter { card in
            stage.isResult || card.name.map(stage.needs.contains) ?? false
        }
        let context = StageContext(
            name: stage.name, line: stage.line, isResult: stage.isResult,
            document: Array(RecipeDocument.joined([stage.document.text]).utf8), shown: stage.recipeText,
            earlier: cards)
        let title = stage.isResult ? outputName : "\(outputName).\(stage.name ?? "")"
        return try planner.plan(
            stage.document.padded, fileName: fileName, outputName: title, stage: context,
            isStopped: isStopped
        )
    }

    /// Plans all stages in order.
    ///
    /// - Parameters:
    ///   - skeletons: a folder that is made, and removed again.
    ///   - made: where what a stage makes is already; `nil` where it is not.
    ///   - visit: called with each stage and its plan, which is forgotten then: plans are large.
    /// - Returns: `nil` where it was stopped.
    /// - Throws: every problem of all documents at once, in the order of the config.
    func planAll(
        skeletons: FilePath, isStopped: () -> Bool,
        made: (RecipeStage, MergePlan) throws(IOError) -> FilePath? = { (_, _) throws(IOError) in nil },
        visit: (RecipeStage, MergePlan) -> Void = { _, _ in }
    ) throws(RecipeError) -> RecipePlan? {
        do {
            return try survey(skeletons, isStopped, made, visit)
        } catch let problems as MergeProblems {
            throw .problems(problems)
        } catch let failure as MergeFailure {
            throw .failure(failure)
        } catch let error as IOError {
            throw .failure(.creation(error, output: skeletons.removingLastComponent()))
        } catch {
            preconditionFailure("all errors of planning are typed: \(error)")
        }
    }

    private func survey(
        _ skeletons: FilePath, _ isStopped: () -> Bool,
        _ made: (RecipeStage, MergePlan) throws(IOError) -> FilePath?,
        _ visit: (RecipeStage, MergePlan) -> Void
    ) throws -> RecipePlan? {
        try FileSystem.removeTree(skeletons)
        defer { try? FileSystem.removeTree(skeletons) }
        var plan = RecipePlan()
        var known = Known()
        for case let name? in recipe.stages.map(\.name) { known.places[name] = .unplanned }
        var reports: [(stage: RecipeStage, problems: MergeProblems)] = []
        for stage in recipe.stages {
            var planned: MergePlan?
            do throws(MergeProblems) {
                planned = try self.plan(stage, known, isStopped: isStopped)
            } catch {
                reports.append((stage, error))
            }
            if isStopped() { return nil }
            guard let planned else { continue }
            visit(stage, planned)
            plan.add(planned)
            guard !stage.isResult, recipe.problems.isEmpty else { continue }
            let folder = try place(of: stage, planned, known, skeletons, made, isStopped)
            known.add(stage, planned, at: folder)
            if isStopped() { return nil }
        }
        if isStopped() { return nil }
        if !reports.isEmpty || !recipe.problems.isEmpty { throw problems(reports) }
        guard plan.work.count == recipe.stages.count else {
            throw MergeProblems(
                fileName: fileName,
                problems: [Problem(line: nil, "nothing to merge", remedy: "list models")])
        }
        return plan
    }

    /// The folder of a stage that was planned: what was made of it, or its skeleton.
    private func place(
        of stage: RecipeStage, _ plan: MergePlan, _ known: Known, _ skeletons: FilePath,
        _ made: (RecipeStage, MergePlan) throws(IOError) -> FilePath?, _ isStopped: () -> Bool
    ) throws -> FilePath {
        if let folder = try made(stage, plan) { return folder }
        if try FileSystem.status(skeletons, followLinks: false) == nil {
            try FileSystem.createFolder(skeletons, permissions: 0o700)
        }
        let folder = skeletons.appending(stage.name ?? "")
        try StageSkeleton(plan: plan, library: library(known)).write(to: folder, isStopped: isStopped)
        return folder
    }

    /// What is wrong with all of it, and the whole recipe to paste where a document could be mended.
    private func problems(_ reports: [(stage: RecipeStage, problems: MergeProblems)]) -> MergeProblems {
        var texts: [Int: String] = [:]
        for (stage, problems) in reports {
            guard let suggestion = problems.suggestion else { continue }
            texts[stage.document.lead] = String(suggestion.drop { $0 == "\n" })
        }
        var suggestion: String?
        if !texts.isEmpty {
            let documents = recipe.stages.map(\.document).sorted { $0.lead < $1.lead }
            suggestion = RecipeDocument.joined(documents.map { texts[$0.lead] ?? $0.text })
        }
        return MergeProblems(
            fileName: fileName, problems: recipe.problems + reports.flatMap(\.problems.problems),
            suggestion: suggestion)
    }
}
