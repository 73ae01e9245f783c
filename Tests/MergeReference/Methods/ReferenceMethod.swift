/// A merge method as the reference knows it: what it takes and what it computes.
///
/// One value a method is all that fuzzing it needs.
struct ReferenceMethod: Sendable {
    /// A parameter, and what is taken where no level of a config gives it.
    struct Parameter: Sendable {
        var name: String
        /// `nil` where there is none.
        var usual: Double?
        var isFlag = false
        /// Whether a tensor without it is refused.
        var isRequired = false
    }

    /// The part that `base_model` has.
    enum Base: Sendable {
        /// Differences to it are merged; it must be there.
        case reference
        /// Differences to it are merged where it is there.
        case optionalReference
        /// It is one of the two models, the first.
        case first
        /// It is one more model, the last unless it is listed; it need not be there.
        case oneMore
        /// It need not be there, and where it is, it is listed.
        case listed

        /// Whether a base that is there is none of the models that are counted.
        var isApart: Bool { self == .reference || self == .optionalReference || self == .first }

        /// Whether a base that is there must be listed.
        var isListed: Bool { self == .listed }
    }

    var name: String
    var base = Base.reference
    /// Models besides the base, or all where the base is one of them.
    var modelCount: ClosedRange<Int>
    /// Looked for under a model first; filters see the model's name of a tensor.
    var modelParameters: [Parameter]
    /// Looked for from the slice on; filters see the output's name of a tensor.
    var mergeParameters: [Parameter]
    /// Whether every bit is settled; else the last place of a result may be another, as scalars are computed from
    /// sines and logarithms.
    var isExact = true
    /// Why a tensor with these parameters cannot be merged; `nil` where it can.
    var refusal: @Sendable (TensorInputs) -> String? = { _ in nil }
    /// Which differences of each model are kept; `nil` of methods without terms.
    var kept: (@Sendable (TensorInputs) -> [[Bool]])?
    /// The merged tensor in float32, before it is rounded to what is written.
    var merge: @Sendable (TensorInputs) -> [Float]

    static func named(_ name: String) -> ReferenceMethod? { all.first { $0.name == name } }
}

extension ReferenceMethod.Parameter {
    static let weight = Self(name: "weight", isRequired: true)
    static let density = Self(name: "density", usual: 1)
    static let gamma = Self(name: "gamma", usual: 0.01)
    static let lambda = Self(name: "lambda", usual: 1)
    static let mask = Self(name: "int8_mask", usual: 0, isFlag: true)
    static let t = Self(name: "t", isRequired: true)

    static func flag(_ name: String, usual: Bool) -> Self {
        Self(name: name, usual: usual ? 1 : 0, isFlag: true)
    }
}
