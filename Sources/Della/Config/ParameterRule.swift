/// A parameter of a merge method: what it is called, whose it is, and what it may be.
struct ParameterRule: Sendable {
    /// Whose a parameter is.
    enum Scope: Sendable {
        /// Each model has its own; looked for under the model first. Filters see that model's names of tensors.
        case model
        /// The merge's; looked for from the slice on. Filters see the output's names.
        case merge
        /// The merge's, and one that a model has of its own replaces it for that model.
        case mergeOrModel
    }

    /// What its values are.
    enum Kind: Sendable {
        case number, flag
        /// A whole number from 0 to `countLimit`.
        case count
    }

    /// Values that do what is rarely meant, and are warned about.
    struct Range: Sendable {
        var meant: ClosedRange<Double>
        /// What a value above does, and one below.
        var above: String, below: String
    }

    static let countLimit = 1_000_000.0

    /// mergekit's name.
    let name: String
    let scope: Scope
    let kind: Kind
    /// The value where the config has none; `nil` where nothing is done then or, if `isRequired`, there must be one.
    let standard: Double?
    /// Whether the config must have it.
    let isRequired: Bool
    let range: Range?

    private init(
        _ name: String, of scope: Scope, _ kind: Kind = .number, standard: Double? = nil,
        isRequired: Bool = false,
        range: Range? = nil
    ) {
        (self.name, self.scope, self.kind) = (name, scope, kind)
        (self.standard, self.isRequired, self.range) = (standard, isRequired, range)
    }

    /// Whether its filters see the models' names of tensors, and not the output's.
    var seesModels: Bool { scope == .model }
}

/// The parameters that there are.
extension ParameterRule {
    static let weight = Self("weight", of: .model, isRequired: true)
    static let density = Self(
        "density", of: .model, standard: 1,
        range: .init(meant: 0...1, above: "keeps every difference", below: "drops every difference"))
    /// How far DELLA's probabilities depart from `density`.
    static let reach = Self("epsilon", of: .model, standard: 0.15)
    static let gamma = Self(
        "gamma", of: .model, standard: 0.01,
        range: .init(meant: 0...1, above: "drops every difference", below: "drops no outlier"))
    static let scale = Self("scale", of: .model)
    static let lambda = Self("lambda", of: .mergeOrModel, standard: 1)
    static let int8Mask = Self("int8_mask", of: .merge, .flag, standard: 0)
    static let eps = Self("eps", of: .merge, standard: 1e-8)
    static let iterations = Self("max_iter", of: .merge, .count, standard: 10)
    static let tolerance = Self("tol", of: .merge, standard: 1e-5)
    /// What a difference must exceed to count in RAM.
    static let threshold = Self("epsilon", of: .merge, standard: 1e-5)
    static let boost = Self("r", of: .merge, standard: 0.1)
    static let boostLimit = Self("alpha", of: .merge, standard: 0.2)
    static let share = Self(
        "select_topk", of: .merge, standard: 1,
        range: .init(meant: 0...1, above: "takes every difference", below: "takes no difference"))
    static let place = Self(
        "t", of: .merge, isRequired: true,
        range: .init(
            meant: 0...1, above: "goes beyond the other model", below: "goes away from the other model"))
    /// `nearswap`'s, which is no place between two models.
    static let nearness = Self("t", of: .merge, isRequired: true)

    static func normalize(_ standard: Bool) -> Self { flag("normalize", standard) }
    static func rescale(_ standard: Bool) -> Self { flag("rescale", standard) }

    /// A truth value of the merge.
    static func flag(_ name: String, _ standard: Bool) -> Self {
        Self(name, of: .merge, .flag, standard: standard ? 1 : 0)
    }
}

extension ParameterRule {
    /// A value to six decimal places, without zeros at the end.
    static func decimal(_ value: Double) -> String {
        guard abs(value) < 1e12, value == 0 || abs(value) >= 1e-6 else { return "\(value)" }
        let scaled = (value * 1e6).rounded()
        var digits = String(Int64(abs(scaled)))
        if digits.count < 7 { digits = String(repeating: "0", count: 7 - digits.count) + digits }
        var text = digits.dropLast(6) + "." + digits.suffix(6)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return (scaled < 0 ? "-" : "") + text
    }
}
