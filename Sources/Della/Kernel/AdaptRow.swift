import CKernel

extension RowKernels {
    /// Adds `scale` times a part of a row of a product of two matrices to values: `W + s·(B·A)`, sums over the rank in
    /// float32, in order, from +0, unfused.
    ///
    /// - Parameters:
    ///   - values: `count` of them.
    ///   - left: the row's factors, `rank` of them.
    ///   - right: where the part begins in the first row of the other matrix, whose rows are `stride` elements long.
    func adapt(
        _ values: UnsafeMutablePointer<Float>, left: UnsafePointer<Float>, right: UnsafePointer<Float>,
        count: Int, rank: Int, stride: Int, scale: Float
    ) {
        var arguments = KernelAdapt(
            values: values, left: left, right: right, count: Int64(count), rank: Int64(rank),
            stride: Int64(stride), scale: scale)
        table.adapt(&arguments)
    }
}
