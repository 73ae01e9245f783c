import StreamIO
import SystemPackage

/// Models looked at by their headers: what each is, and what keeps them from being merged.
public struct ModelInspection: Sendable {
    /// In the order asked for, those that could be opened.
    public let models: [ModelFacts]
    /// Why the others could not.
    public let unopened: [Problem]
    /// What keeps the models from being merged as they are; empty where nothing does, and of one model.
    public let obstacles: [Problem]
    /// What a merge would have to say of them.
    public let remarks: [String]

    /// Looks at models.
    ///
    /// - Parameters:
    ///   - names: as configs name them, `BASE+ADAPTER` too.
    ///   - planner: where models are found, and what memory they may take.
    ///   - isStopped: asked often; what is known then is not all.
    public init(_ names: [String], by planner: MergePlanner, isStopped: () -> Bool = { false }) {
        var models: [ModelFacts] = []
        var unopened: [Problem] = []
        for name in names where !isStopped() {
            do throws(MergeProblems) {
                models.append(try Self.facts(of: name, planner, isStopped: isStopped))
            } catch {
                unopened += error.problems
            }
        }
        self.models = models
        self.unopened = unopened
        guard unopened.isEmpty, names.count > 1, !isStopped() else {
            (obstacles, remarks) = ([], [])
            return
        }
        do throws(MergeProblems) {
            let plan = try ModelComparison.plan(names, by: planner, isStopped: isStopped)
            (obstacles, remarks) = ([], plan?.warnings ?? [])
        } catch {
            (obstacles, remarks) = (error.problems, [])
        }
    }

    private static func facts(
        of name: String, _ planner: MergePlanner, isStopped: () -> Bool
    ) throws(MergeProblems) -> ModelFacts {
        guard let reference = ModelReference(name) else {
            let problem = ModelReference.problem(of: name)
            throw problems(Problem(line: nil, problem.message, remedy: problem.remedy))
        }
        let library = planner.library
        let folder = try find(reference, library, isStopped: isStopped)
        let room = PlanMemory(budget: planner.memory).room
        let opened: OpenFolder
        switch OpenFolder.open(folder, of: library, room: room, isStopped: isStopped) {
        case .success(let found): opened = found
        case .failure(let problem):
            let download = library.completion(of: reference, in: folder)
            throw problems(problem.problem(of: reference, line: 1, download: download))
        }
        var model = OpenModel(
            reference: reference, name: ModelName(reference, in: folder, of: library), line: 1,
            folder: folder, place: folder, opened: opened)
        model.readable = library.readable
        let adapter = try reference.adapter.map { name throws(MergeProblems) in
            try adapterSummary(name, of: model, library, isStopped: isStopped)
        }
        return ModelFacts(
            model, name: name, adapter: adapter, readable: library.readable, isStopped: isStopped)
    }

    private static func adapterSummary(
        _ name: String, of model: OpenModel, _ library: ModelLibrary, isStopped: () -> Bool
    ) throws(MergeProblems) -> String {
        guard let reference = ModelReference(name) else { throw unnamed(name, "write BASE+ADAPTER") }
        let folder = try find(reference, library, isStopped: isStopped)
        do throws(AdapterProblem) {
            return try withoutActuallyEscaping(isStopped) { (isStopped) throws(AdapterProblem) in
                try OpenAdapter(
                    opening: folder, of: model.checkpoint, in: library.readable, isStopped: isStopped)
            }.summary
        } catch {
            throw problems(
                Problem(
                    line: nil, "\(reference.displayName): \(error.message)", remedy: error.remedy,
                    kind: error.isMissing ? .missingInput : .data))
        }
    }

    private static func find(
        _ reference: ModelReference, _ library: ModelLibrary, isStopped: () -> Bool
    ) throws(MergeProblems) -> FilePath {
        let result = library.find(reference)
        if case .found(let folder, _) = result { return folder }
        let problem = library.problem(reference, result: result, line: 1, isStopped: isStopped)
        throw problems(problem ?? Problem(line: nil, "the model \(reference.text) was not found"))
    }

    private static func unnamed(_ name: String, _ remedy: String) -> MergeProblems {
        problems(Problem(line: nil, "'\(name.excerpt)' names no model", remedy: remedy))
    }

    /// A problem of no line.
    private static func problems(_ problem: Problem) -> MergeProblems {
        MergeProblems(
            fileName: "inspect",
            problems: [Problem(line: nil, problem.message, remedy: problem.remedy, kind: problem.kind)])
    }
}
