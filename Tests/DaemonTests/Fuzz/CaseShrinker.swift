@testable import MergeReference

/// Makes a failing case smaller while it still fails in the same way.
struct CaseShrinker {
    /// Cases that are tried, at most.
    private static let attemptLimit = 300

    private(set) var made: FuzzCase
    private(set) var failure: CaseRun.Failure
    private(set) var attempts = 0
    private let deadline: ContinuousClock.Instant

    init(_ made: FuzzCase, _ failure: CaseRun.Failure, within time: Duration) {
        self.made = made
        self.failure = failure
        deadline = .now + time
    }

    mutating func shrink() throws {
        var isProgressing = true
        while isProgressing, !isSpent {
            isProgressing = false
            for step in Self.steps where !isSpent {
                while !isSpent, try take(step(made)) { isProgressing = true }
            }
        }
    }

    private var isSpent: Bool { attempts >= Self.attemptLimit || ContinuousClock.now > deadline }

    /// Takes the first of several smaller cases that fails in the same way.
    private mutating func take(_ candidates: [FuzzCase]) throws -> Bool {
        for candidate in candidates where !isSpent {
            attempts += 1
            guard let found = try CaseRun(candidate).failure(), found.kind == failure.kind else { continue }
            (made, failure) = (candidate, found)
            return true
        }
        return false
    }

    // MARK: Steps

    /// Each gives cases that are smaller in one way, the boldest first; none where there is nothing left to do.
    private static let steps: [@Sendable (FuzzCase) -> [FuzzCase]] = [
        withoutRuns, withoutTensors, withoutModels, withoutSlices, withFewerRows, withoutParameters,
        withoutSettings,
        withPlainFiles, withPlainRuns,
    ]

    private static func changed(_ made: FuzzCase, _ change: (inout FuzzCase) -> Void) -> FuzzCase {
        var copy = made
        change(&copy)
        return copy
    }

    private static func withoutRuns(_ made: FuzzCase) -> [FuzzCase] {
        let whole = made.parts > 0 ? [changed(made) { $0.parts = 0 }] : []
        guard made.runs.count > 1 else { return whole }
        return whole + [changed(made) { $0.runs.removeFirst(made.runs.count - 1) }]
            + made.runs.indices.dropLast().map { index in changed(made) { $0.runs.remove(at: index) } }
    }

    /// Without all but a few tensors, then without each.
    private static func withoutTensors(_ made: FuzzCase) -> [FuzzCase] {
        let names = Array(Set(made.models.flatMap { $0.tensors.map(\.name) })).sorted()
        guard names.count > 1 else { return [] }
        func keeping(_ keep: (String) -> Bool) -> FuzzCase {
            changed(made) { copy in
                for index in copy.models.indices { copy.models[index].tensors.removeAll { !keep($0.name) } }
            }
        }
        let half = names.count / 2
        return [keeping { names[..<half].contains($0) }, keeping { names[half...].contains($0) }]
            + names.map { name in keeping { $0 != name } }
    }

    private static func withoutModels(_ made: FuzzCase) -> [FuzzCase] {
        Set(made.recipe.sources.map(\.model)).sorted().map { model in
            changed(made) { copy in
                copy.recipe.mapSlices { slice in slice.sources.removeAll { $0.model == model } }
            }
        }.filter { copy in
            // A slice without models is none, and its layers have no names; the reference takes no fewer than the method.
            let fewest = max(1, ReferenceMethod.named(copy.recipe.method)?.modelCount.lowerBound ?? 1)
            func isEnough(_ sources: [Recipe.Source], _ base: Int? = nil) -> Bool {
                sources.count { $0.model != base ?? copy.recipe.base } >= fewest
            }
            return switch copy.recipe.layout {
            case .models(let sources): isEnough(sources)
            case .slices(let slices): slices.allSatisfy { isEnough($0.sources, $0.base) }
            }
        }
    }

    private static func withoutSlices(_ made: FuzzCase) -> [FuzzCase] {
        guard case .slices(let slices) = made.recipe.layout, slices.count > 1 else { return [] }
        return slices.indices.map { index in
            changed(made) {
                var rest = slices
                rest.remove(at: index)
                $0.recipe.layout = .slices(rest)
            }
        }
    }

    /// Each dimension of each tensor halved, or one less.
    private static func withFewerRows(_ made: FuzzCase) -> [FuzzCase] {
        let shapes = Set(made.models.flatMap { $0.tensors.map(\.shape) })
        return shapes.sorted { $0.reduce(1, *) > $1.reduce(1, *) }.flatMap { shape in
            shape.indices.flatMap { dimension -> [FuzzCase] in
                let length = shape[dimension]
                guard length > 1 else { return [] }
                return Set([length / 2, length - 1]).sorted().map { shorter in
                    changed(made) { copy in
                        for (number, model) in copy.models.enumerated() {
                            for index in model.tensors.indices where model.tensors[index].shape == shape {
                                copy.models[number].tensors[index].shape[dimension] = shorter
                            }
                        }
                    }
                }
            }
        }
    }

    private static func withoutParameters(_ made: FuzzCase) -> [FuzzCase] {
        var cases: [FuzzCase] = []
        func add(_ names: Recipe.Parameters, _ remove: (inout FuzzCase, String) -> Void) {
            for name in names.keys.sorted() { cases.append(changed(made) { remove(&$0, name) }) }
        }
        add(made.recipe.parameters) { $0.recipe.parameters[$1] = nil }
        add(made.recipe.moduleParameters) { $0.recipe.moduleParameters[$1] = nil }
        let own = Set(made.recipe.sources.flatMap { $0.parameters.keys })
        for name in own.sorted() {
            cases.append(changed(made) { $0.recipe.mapSources { $0.parameters[name] = nil } })
        }
        if case .slices(let slices) = made.recipe.layout {
            for name in Set(slices.flatMap { $0.parameters.keys }).sorted() {
                cases.append(changed(made) { $0.recipe.mapSlices { $0.parameters[name] = nil } })
            }
        }
        return cases
    }

    private static func withoutSettings(_ made: FuzzCase) -> [FuzzCase] {
        var cases: [FuzzCase] = []
        if made.recipe.isModule { cases.append(changed(made) { $0.recipe.isModule = false }) }
        if made.recipe.shardSize != nil { cases.append(changed(made) { $0.recipe.shardSize = nil }) }
        if made.recipe.seed != nil { cases.append(changed(made) { $0.recipe.seed = nil }) }
        if made.seedOption != nil { cases.append(changed(made) { $0.seedOption = nil }) }
        if made.recipe.outType != nil { cases.append(changed(made) { $0.recipe.outType = nil }) }
        if made.recipe.ignoresOwnLambda != nil {
            cases.append(changed(made) { $0.recipe.ignoresOwnLambda = nil })
        }
        return cases
    }

    private static func withPlainFiles(_ made: FuzzCase) -> [FuzzCase] {
        made.models.indices.flatMap { number -> [FuzzCase] in
            var cases: [FuzzCase] = []
            let model = made.models[number]
            if model.alignments.count > 1 {
                cases.append(
                    changed(made) { copy in
                        copy.models[number].alignments = [model.alignments[0]]
                        for index in model.tensors.indices { copy.models[number].tensors[index].file = 0 }
                    })
            }
            if model.alignments.contains(where: { $0 != nil }) {
                cases.append(
                    changed(made) { $0.models[number].alignments = model.alignments.map { _ in nil } })
            }
            if model.tensors.contains(where: { $0.contents.kind != .weights }) {
                cases.append(
                    changed(made) { copy in
                        for index in model.tensors.indices {
                            copy.models[number].tensors[index].contents.kind = .weights
                        }
                    })
            }
            return cases
        }
    }

    private static func withPlainRuns(_ made: FuzzCase) -> [FuzzCase] {
        func changing(_ change: (inout FuzzCase.Run) -> Void) -> FuzzCase {
            changed(made) { copy in
                for index in copy.runs.indices { change(&copy.runs[index]) }
            }
        }
        var cases: [FuzzCase] = []
        if made.runs.contains(where: { $0.threads > 1 }) { cases.append(changing { $0.threads = 1 }) }
        if made.runs.contains(where: { $0.engine != "posix" }) {
            cases.append(changing { $0.engine = "posix" })
        }
        if made.runs.contains(where: { $0.level != nil }) { cases.append(changing { $0.level = nil }) }
        return cases
    }
}
