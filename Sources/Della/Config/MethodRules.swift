/// A merge method: what it is called, what it takes, and which arithmetic it is. One value a method, in `all`; nothing
/// else knows a method's name.
public struct MethodRules: Sendable {
    /// What becomes of `base_model`.
    enum Base: Sendable {
        /// Takes part as one more model where it is given and models are listed whole.
        case member
        /// One of the models, where the way begins; must be given.
        case start
        /// Differences are taken to it where it is given.
        case optional
        /// Differences are taken to it; must be given.
        case required

        /// Whether what is merged are differences to the base where there is one, so that the base is none of the models.
        var isReference: Bool { self == .optional || self == .required }
        /// Whether `base_model` must be given.
        var isNeeded: Bool { self == .start || self == .required }
    }

    /// Which arithmetic a method is, its parameters aside.
    enum Arithmetic: Hashable, Sendable {
        case deltas(Sparsity, electsSigns: Bool)
        case linear, passthrough, slerp, nuslerp, multislerp, karcher, stock, nearswap, fusion, sce
        case ram(isBoosted: Bool)
    }

    /// Which differences are kept.
    enum Sparsity: Hashable, Sendable {
        case all, largest, drawn, band, magprune
    }

    /// mergekit's name, `dare_ties`.
    public let name: String
    /// As model cards call it.
    public let title: String
    /// Where it is described; `nil` where that is nowhere.
    public let reference: String?
    let base: Base
    /// How many models it merges: a base that differences are taken to is none of them.
    let models: ClosedRange<Int>
    let parameters: [ParameterRule]
    let arithmetic: Arithmetic

    init(
        _ name: String, _ title: String, _ reference: String?, base: Base, models: ClosedRange<Int>,
        _ arithmetic: Arithmetic, _ parameters: [ParameterRule]
    ) {
        (self.name, self.title, self.reference) = (name, title, reference)
        (self.base, self.models, self.arithmetic, self.parameters) = (base, models, arithmetic, parameters)
    }

    /// Models of a merge, at most: far more than anyone has.
    static let modelLimit = 1_000

    /// The parameter of that name; `nil` where the method has none.
    func parameter(_ name: String) -> ParameterRule? { parameters.first { $0.name == name } }

    /// What a message says of the number of models.
    var modelsText: String {
        let besides = base.isReference ? " besides the base" : ""
        let count =
            models.lowerBound == models.upperBound ? "\(models.lowerBound)" : "\(models.lowerBound) or more"
        return "\(count) \(models == 1...1 ? "model" : "models")\(besides)"
    }

    // MARK: All methods

    /// The method of that name.
    public static func named(_ name: String) -> MethodRules? { all.first { $0.name == name } }

    /// The names of all methods, in order.
    public static var names: [String] { all.map(\.name) }

    /// The methods that have a parameter.
    static func having(_ parameter: String) -> [MethodRules] { all.filter { $0.parameter(parameter) != nil } }

    /// The names of all parameters, each once.
    static let parameterNames: [String] = {
        var names: [String] = []
        for parameter in all.flatMap(\.parameters) where !names.contains(parameter.name) {
            names.append(parameter.name)
        }
        return names
    }()

    /// Whether a parameter is one of the merge alone in every method that has it.
    static func isMerges(_ parameter: String) -> Bool {
        having(parameter).allSatisfy { $0.parameter(parameter)?.scope == .merge }
    }
}

extension MethodRules: Hashable {
    /// By name.
    public static func == (left: Self, right: Self) -> Bool { left.name == right.name }
    /// Of the name.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
