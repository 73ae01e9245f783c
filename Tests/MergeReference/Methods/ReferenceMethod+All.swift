extension ReferenceMethod {
    /// Every method that there is a reference for.
    static let all: [ReferenceMethod] = taskVectors + blends + others

    // MARK: Task vectors

    private static let taskVectors: [ReferenceMethod] = [
        taskVector("task_arithmetic", electsSigns: false, normalizes: false, rescales: nil) { delta, _, _ in
            delta.map { _ in true }
        },
        taskVector("ties", electsSigns: true, normalizes: true, rescales: false, TaskVectors.largest),
        taskVector("dare_ties", electsSigns: true, normalizes: false, rescales: true, TaskVectors.bernoulli),
        taskVector(
            "dare_linear", electsSigns: false, normalizes: false, rescales: true, TaskVectors.bernoulli),
        taskVector(
            "breadcrumbs", electsSigns: false, normalizes: false, rescales: false, adding: [.gamma],
            TaskVectors.band),
        taskVector(
            "breadcrumbs_ties", electsSigns: true, normalizes: false, rescales: false, adding: [.gamma],
            TaskVectors.band),
        della("della", electsSigns: true), della("della_linear", electsSigns: false),
    ]

    /// - Parameter rescales: whether it does unless told; `nil` where it prunes nothing.
    private static func taskVector(
        _ name: String, electsSigns: Bool, normalizes: Bool, rescales: Bool?,
        adding parameters: [Parameter] = [],
        _ sparsifier: @escaping TaskVectors.Sparsifier
    ) -> ReferenceMethod {
        ReferenceMethod(
            name: name, modelCount: 0...8,
            modelParameters: [.weight] + (rescales == nil ? [] : [.density]) + parameters,
            mergeParameters: [.lambda, .flag("normalize", usual: normalizes), .mask]
                + (rescales.map { [.flag("rescale", usual: $0)] } ?? []),
            kept: { TaskVectors(electsSigns: electsSigns, sparsifier: sparsifier).kept($0) },
            merge: { TaskVectors(electsSigns: electsSigns, sparsifier: sparsifier).merge($0) })
    }

    private static func della(_ name: String, electsSigns: Bool) -> ReferenceMethod {
        var method = taskVector(
            name, electsSigns: electsSigns, normalizes: electsSigns, rescales: true,
            adding: [Parameter(name: "epsilon", usual: 0.15)], TaskVectors.magprune)
        method.refusal = { inputs in
            let isWithin = inputs.models.allSatisfy { model in
                let (density, reach) = (model.value("density"), abs(model.value("epsilon")))
                return density <= 0 || density >= 1 || density - reach > 0 && density + reach < 1
            }
            return isWithin ? nil : "out of (0, 1)"
        }
        return method
    }

    // MARK: Blends

    private static let blends: [ReferenceMethod] = [
        ReferenceMethod(
            name: "linear", base: .listed, modelCount: 1...8, modelParameters: [.weight],
            mergeParameters: [.flag("normalize", usual: true)],
            refusal: { refuseZeroSum($0, where: "normalize") }, merge: ElementMethods.linear),
        ReferenceMethod(
            name: "slerp", base: .first, modelCount: 1...1, modelParameters: [], mergeParameters: [.t],
            isExact: false, merge: Blends.slerp),
        ReferenceMethod(
            name: "nuslerp", base: .optionalReference, modelCount: 2...2, modelParameters: [.weight],
            mergeParameters: [
                .flag("nuslerp_flatten", usual: true), .flag("nuslerp_row_wise", usual: false),
            ], isExact: false, merge: Blends.nuslerp),
        ReferenceMethod(
            name: "multislerp", base: .optionalReference, modelCount: 1...8, modelParameters: [.weight],
            mergeParameters: [.flag("normalize_weights", usual: true), Parameter(name: "eps", usual: 1e-8)],
            isExact: false, refusal: { refuseZeroSum($0, where: "normalize_weights") },
            merge: Blends.multislerp),
        ReferenceMethod(
            name: "karcher", base: .oneMore, modelCount: 1...8, modelParameters: [],
            mergeParameters: [Parameter(name: "max_iter", usual: 10), Parameter(name: "tol", usual: 1e-5)],
            isExact: false, merge: Blends.karcher),
        ReferenceMethod(
            name: "model_stock", modelCount: 2...8, modelParameters: [],
            mergeParameters: [.flag("filter_wise", usual: false)], isExact: false, merge: Blends.modelStock),
    ]

    private static func refuseZeroSum(_ inputs: TensorInputs, where flag: String) -> String? {
        let sum = inputs.models.reduce(Float(0)) { $0 + Float($1.value("weight")) }
        return inputs.flag(flag) && sum == 0 ? "weights that sum to 0" : nil
    }

    // MARK: Others

    private static let others: [ReferenceMethod] = [
        ReferenceMethod(
            name: "passthrough", base: .listed, modelCount: 1...1,
            modelParameters: [Parameter(name: "scale")], mergeParameters: [],
            merge: ElementMethods.passthrough),
        ReferenceMethod(
            name: "nearswap", modelCount: 1...1, modelParameters: [], mergeParameters: [.t],
            merge: ElementMethods.nearswap),
        ReferenceMethod(
            name: "arcee_fusion", modelCount: 1...1, modelParameters: [], mergeParameters: [], isExact: false,
            merge: ElementMethods.fusion),
        ReferenceMethod(
            name: "sce", modelCount: 0...8, modelParameters: [],
            mergeParameters: [Parameter(name: "select_topk", usual: 1), .mask], merge: ElementMethods.sce),
        ReferenceMethod(
            name: "ram", modelCount: 0...8, modelParameters: [],
            mergeParameters: [Parameter(name: "epsilon", usual: 1e-5)],
            merge: { ElementMethods.ram($0, isScaled: false) }),
        ReferenceMethod(
            name: "ramplus_tl", modelCount: 0...8, modelParameters: [],
            mergeParameters: [
                Parameter(name: "epsilon", usual: 1e-5), Parameter(name: "r", usual: 0.1),
                Parameter(name: "alpha", usual: 0.2),
            ], merge: { ElementMethods.ram($0, isScaled: true) }),
    ]
}
