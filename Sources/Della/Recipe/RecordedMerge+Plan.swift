import StreamIO
import SystemPackage

extension RecordedMerge {
    /// Plans the merge again that made the folder. Of a recipe's result, or a stage of one, the stages that it was merged
    /// from must lie beside it, as they do where they were kept.
    ///
    /// - Returns: `nil` where it was stopped.
    /// - Throws: every problem of the config, or `recordMissing` that names the stage that is gone.
    public func plan(
        _ planner: MergePlanner, isStopped: () -> Bool
    ) throws(RecipeError) -> MergePlan? {
        let recipe = MergeRecipe(configText)
        do throws(MergeProblems) {
            guard !recipe.isSingle else {
                return try planner.plan(
                    configText, fileName: configPath.string, outputName: "", stage: nil, isStopped: isStopped)
            }
            guard recipe.problems.isEmpty, let result = recipe.stages.last else {
                throw MergeProblems(fileName: configPath.string, problems: recipe.problems)
            }
            var known = RecipePlanner.Known()
            for name in result.uses { known.places[name] = stage(name, of: result).map { .folder($0) } }
            if let gone = result.uses.first(where: { known.places[$0] == nil }) {
                throw MergeProblems(fileName: configPath.string, problems: [missing(gone, recipe)])
            }
            let stages = RecipePlanner(
                planner: planner, recipe: recipe, fileName: configPath.string, outputName: "")
            return try stages.plan(result, known, isStopped: isStopped)
        } catch {
            throw .problems(error)
        }
    }

    /// Where a stage was published; `nil` where it is not there.
    private func stage(_ name: String, of result: RecipeStage) -> FilePath? {
        // The folder's place tells, however it was named.
        let place = (try? FileSystem.resolved(folder)) ?? folder
        let own = place.lastComponent?.string ?? ""
        var names = [own]
        // A stage's own name ends with what the recipe calls it.
        if let suffix = result.name.map({ ".\($0)" }), own.hasSuffix(suffix), own != suffix {
            names.append(String(own.dropLast(suffix.count)))
        }
        return names.map { place.removingLastComponent().appending("\($0).\(name)") }
            .first { ((try? FileSystem.status($0)) ?? nil)?.isDirectory == true }
    }

    private func missing(_ name: String, _ recipe: MergeRecipe) -> Problem {
        Problem(
            line: recipe.stage(named: name)?.line,
            "\(folder) was merged from the stage '\(name)', which was not kept: nothing of it can be computed anew",
            remedy:
                "dellad verify compares its bytes; to audit it, write dellad: {keep: true} in that document, "
                + "and merge again", kind: .missingInput)
    }
}

extension MergePlan {
    /// What its inputs may be read from: where models are, and the stages that it was planned with.
    public func readable(_ library: ModelLibrary) -> ReadableFolders {
        library.allowsAnyPath ? .all : ReadableFolders(library.folders + stageFolders)
    }
}
