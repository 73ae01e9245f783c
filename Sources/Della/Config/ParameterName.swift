/// The parameters of `della` and `della_linear`, by mergekit's names.
enum ParameterName: String, CaseIterable, Sendable {
    case weight, density, epsilon, lambda, rescale, normalize
    case int8Mask = "int8_mask"

    /// Whether its values are truth values.
    var isFlag: Bool {
        switch self {
        case .rescale, .normalize, .int8Mask: true
        case .weight, .density, .epsilon, .lambda: false
        }
    }

    /// Whether each model has its own: looked for under the model first.
    var isPerModel: Bool {
        switch self {
        case .weight, .density, .epsilon: true
        case .lambda, .rescale, .normalize, .int8Mask: false
        }
    }
}
