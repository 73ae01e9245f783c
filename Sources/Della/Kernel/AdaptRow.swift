import CKernel

extension RowKernels {
    /// Columns of the right matrix that lie together when it is packed.
    static let adaptColumns = 16

    /// Adds `scale` times a stretch of a product of two matrices to as much of some rows: `W + s·(B·A)`, sums over the rank
    /// in float32, in order, from +0, unfused.
    ///
    /// - Parameters:
    ///   - values: `count` of each of `rowCount` rows, which begin `stride` elements apart.
    ///   - left: `rank` factors for each of the rows.
    ///   - right: where the stretch begins in the other matrix: of each 16 of its columns, the first on a multiple of 16,
    ///     16 values for each of the ranks.
    func adapt(
        _ values: UnsafeMutablePointer<Float>, stride: Int, rowCount: Int, left: UnsafePointer<Float>,
        right: UnsafePointer<Float>, count: Int, rank: Int, scale: Float
    ) {
        var arguments = KernelAdapt(
            values: values, left: left, right: right, rowCount: Int64(rowCount), count: Int64(count),
            rank: Int64(rank), stride: Int64(stride), scale: scale)
        table.adapt(&arguments)
    }
}
