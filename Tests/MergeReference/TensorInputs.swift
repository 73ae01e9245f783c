/// One tensor of a merge as its method sees it: values already rounded to the type computed in, parameters
/// already resolved.
struct TensorInputs {
    struct Model {
        var values: [Float]
        /// The position among the models besides the base.
        var ordinal: Int
        /// Values of the parameters that each model has, where a level or a default gives one.
        var parameters: [String: Double]

        /// A parameter that must be there by now.
        func value(_ name: String) -> Double { parameters[name]! }
    }

    /// Of the output.
    var name: String
    var shape: [Int]
    var seed: UInt64
    /// The type computed in: one of `StoredType.formats`.
    var format: StoredType
    /// `nil` for methods without a base.
    var base: [Float]?
    var models: [Model]
    /// Values of the parameters that the merge has; truth values are 0 and 1.
    var parameters: [String: Double]

    var count: Int { shape.reduce(1, *) }

    /// Elements of a row, the last dimension; a scalar is a row of one.
    var rowLength: Int { shape.last ?? 1 }

    /// Where the rows begin.
    var rowStarts: StrideTo<Int> { stride(from: 0, to: count, by: max(rowLength, 1)) }

    func flag(_ name: String) -> Bool { parameters[name] ?? 0 != 0 }
}
