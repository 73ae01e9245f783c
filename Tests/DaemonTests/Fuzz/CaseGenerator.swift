import Foundation

@testable import MergeReference

/// Random merges: mostly ones that must succeed.
struct CaseGenerator {
    var random: SeededRandom
    let seed: UInt64
    let method: ReferenceMethod

    /// Those that `DELLAD_FUZZ_METHODS` lists; unless told, those that the fuzzer has been run with for long.
    private static let methods: [ReferenceMethod] = {
        let listed = ProcessInfo.processInfo.environment["DELLAD_FUZZ_METHODS"]?.components(separatedBy: ",")
        let wanted = listed ?? ["della", "della_linear"]
        return ReferenceMethod.all.filter { wanted.contains($0.name) }
    }()
    /// The share of cases whose models are more than plain checkpoints.
    private static let formShare =
        ProcessInfo.processInfo.environment["DELLAD_FUZZ_FORMS"].flatMap(Double.init) ?? 0.5

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
        // The first numbers of neighbouring seeds.
        for _ in 0..<4 { _ = random.next() }
        method = Self.methods.randomElement(using: &random)!
    }

    mutating func make() -> FuzzCase {
        let layers = pick([0, 1, 1, 2, 2, 3, 4])
        var models = makeModels(
            layers: layers, atLeast: method.base.isApart ? method.modelCount.lowerBound + 1 : 2)
        let fault = chance(0.1) ? pick(FuzzCase.Fault.allCases) : nil
        // What is wrong with a model is asked of plain ones.
        let hasForms = fault?.isOfTheRun != false && chance(Self.formShare)
        let vocabulary = hasForms ? makeForms(&models, layers: layers) : nil
        var recipe = makeRecipe(models: models, layers: layers, isOfOneNamesake: vocabulary != nil)
        if vocabulary == .byToken { recipe.tokenizer = makeTokenizer(recipe, models) }
        recipe.style = random.next()
        var made = FuzzCase(
            seed: seed, models: models, recipe: recipe, seedOption: chance(0.3) ? makeSeed() : nil,
            runs: makeRuns(isInterrupted: fault == nil && chance(0.25)), fault: fault)
        if let fault { inject(fault, into: &made) }
        if chance(0.2) { made.parts = pick([1, 2, 2, 3, 3, 5, 9]) }
        return made
    }

    // MARK: Choices

    mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &random) < share }

    mutating func pick<T>(_ list: [T]) -> T { list.randomElement(using: &random)! }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private mutating func makeSeed() -> UInt64 {
        pick([0, 1, 42, UInt64(number(0...1_000_000)), random.next()])
    }

    // MARK: Runs

    private mutating func makeRuns(isInterrupted: Bool) -> [FuzzCase.Run] {
        var runs = [makeRun()]
        if isInterrupted {
            for _ in 0..<number(1...3) {
                var run = makeRun()
                run.interruption =
                    chance(0.7)
                    ? .operation(number(1...160))
                    : .signal(pick([SIGKILL, SIGTERM, SIGINT]), milliseconds: number(5...250))
                runs.insert(run, at: 0)
            }
        }
        return runs
    }

    private mutating func makeRun() -> FuzzCase.Run {
        let memory: FuzzCase.Memory =
            chance(0.4)
            ? .least(plus: UInt64(pick([0, 0, 1, 3])) << 20)
            : .bytes(UInt64(pick([8, 12, 16, 24, 32, 48, 64, 128, 256, 1024])) << 20)
        return FuzzCase.Run(
            memory: memory, threads: number(1...4), engine: pick(["uring", "posix", "auto"]),
            level: chance(0.2) ? "baseline" : nil)
    }

    // MARK: Faults

    private mutating func inject(_ fault: FuzzCase.Fault, into made: inout FuzzCase) {
        // Faults of models want a model beside the base that takes part in all of the output.
        // All methods but these take one model beside a base.
        made.recipe.method = pick(["della", "della_linear"])
        let base = made.recipe.base ?? 0
        let hadBase = made.recipe.base != nil
        made.recipe.base = base
        var sources: [Recipe.Source] = [Recipe.Source(model: base == 0 ? 1 : 0)]
        sources[0].parameters = ["weight": [Recipe.Condition(values: [0.5])]]
        let other = sources[0].model
        func useOneModel() {
            made.recipe.layout = .models(sources)
            made.recipe.isModule = false
            made.recipe.parameters = [:]
            made.recipe.moduleParameters = [:]
        }
        // Slices of a method without a base need not list it.
        if !hadBase { useOneModel() }
        // Those the base's stand in for.
        let buffers = [".inv_freq", ".masked_bias", ".position_ids", ".num_batches_tracked"]
        let names = made.models[base].tensors.map(\.name).filter { name in
            name != "lm_head.weight" && !buffers.contains { name.hasSuffix($0) }
        }
        guard let victim = names.randomElement(using: &random) else {
            made.fault = .unknownKey
            return
        }
        let index = made.models[other].tensors.firstIndex { $0.name == victim }
        switch fault {
        case .noModel:
            useOneModel()
            sources.append(sources[0])
            sources[1].model = made.models.count
            made.recipe.layout = .models(sources)
        case .twice:
            sources.append(sources[0])
            useOneModel()
        case .missingTensor where made.models[other].tensors.count < 2: made.fault = .unknownKey
        case .missingTensor:
            useOneModel()
            made.models[other].tensors.removeAll { $0.name == victim }
        case .otherShape:
            useOneModel()
            if let index { made.models[other].tensors[index].shape.append(2) }
        case .otherInteger:
            useOneModel()
            if let index {
                let shape = made.models[other].tensors[index].shape
                for (number, model) in made.models.enumerated() {
                    guard let place = model.tensors.firstIndex(where: { $0.name == victim }) else { continue }
                    made.models[number].tensors[place].type = number == other ? .i16 : .i32
                    made.models[number].tensors[place].shape = shape
                }
            }
        case .quantised:
            useOneModel()
            if let index { made.models[other].tensors[index].type = .f8 }
        case .cutShort: useOneModel()
        default: break
        }
    }
}
