/// How many values are no numbers, or infinite.
public struct NonfiniteCount: Hashable, Sendable {
    /// Values that are NaN.
    public var nans: Int
    /// Values that are plus or minus infinity.
    public var infinities: Int

    /// A count with both values given.
    public init(nans: Int = 0, infinities: Int = 0) {
        self.nans = nans
        self.infinities = infinities
    }

    /// Adds another count to this one.
    public static func += (left: inout NonfiniteCount, right: NonfiniteCount) {
        left.nans += right.nans
        left.infinities += right.infinities
    }
}
