/// The stages of a row's way through the kernels.
enum Stage: String, CaseIterable {
    /// The stored type to the working one: float32 to a 16-bit format, bfloat16 to float32.
    case decode
    /// First phase.
    case prune
    /// Second phase with one model.
    case combine
    /// Second phase with two models, sign election and normalisation.
    case combineTwo
    /// The products of two models, for the coefficients of a blend.
    case gram
    /// Two models times coefficients.
    case blend
    /// The differences of one model, without a choice of elements: `task_arithmetic`.
    case combineAll
}
