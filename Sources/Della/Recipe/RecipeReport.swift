import StreamIO
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a config would do, all of its documents, without an output: what `check` prints.
public struct RecipeReport {
    /// Of the result, with what the other stages need.
    public let report: PlanReport

    /// Plans a config and works out what it needs.
    ///
    /// - Parameters:
    ///   - text: the config, of any size.
    ///   - fileName: the config's name in messages.
    ///   - outputName: the name of the output folder, which the model card shows.
    ///   - memory: the budget that the host grants, in bytes.
    ///   - threads: threads that compute.
    ///   - freeSpace: bytes free where the output will be.
    ///   - measures: whether the disks are measured.
    ///   - isStopped: asked often.
    /// - Returns: `nil` where it was stopped.
    public init?(
        _ planner: MergePlanner, text: [UInt8], fileName: String, outputName: String, memory: UInt64,
        threads: Int, freeSpace: UInt64? = nil, measures: Bool = false,
        isStopped: () -> Bool = { false }
    ) throws(RecipeError) {
        let recipe = MergeRecipe(text)
        func rate(_ files: [InputFile]) -> Double? {
            guard measures, let file = files.max(by: { $0.size < $1.size }) else { return nil }
            return DiskMeasurement.readRate(of: file.path)
        }
        guard !recipe.isSingle else {
            let plan: MergePlan?
            do throws(MergeProblems) {
                plan = try planner.plan(
                    text, fileName: fileName, outputName: outputName, stage: nil, isStopped: isStopped)
            } catch {
                throw .problems(error)
            }
            guard let plan else { return nil }
            report = PlanReport(
                plan, memory: memory, threads: threads, freeSpace: freeSpace,
                bytesPerSecond: rate(plan.inputs))
            return
        }
        let stages = RecipePlanner(
            planner: planner, recipe: recipe, fileName: fileName, outputName: outputName)
        var reports: [(RecipeStage, PlanReport)] = []
        var files: [InputFile] = []
        let plan = try stages.planAll(
            skeletons: Self.temporaryFolder, isStopped: isStopped,
            visit: { stage, plan in
                // A skeleton's files are holes.
                files += plan.inputs.filter { !plan.stageFolders.contains($0.folder) }
                reports.append((stage, PlanReport(plan, memory: memory, threads: threads)))
            })
        guard plan != nil, let last = reports.popLast() else { return nil }
        var all = last.1
        all.add(
            reports.map { stage, report in
                PlanReport.Stage(
                    name: stage.name ?? "", line: stage.line, isKept: stage.isKept, report: report)
            }, freeSpace: freeSpace, bytesPerSecond: rate(files))
        report = all
    }

    /// A name that nothing has, for as long as planning lasts.
    private static var temporaryFolder: FilePath {
        let root = getenv("TMPDIR").map { FilePath(platformString: $0) } ?? "/tmp"
        return root.appending("dellad-check-\(UInt64.random(in: 0 ... .max))")
    }
}
