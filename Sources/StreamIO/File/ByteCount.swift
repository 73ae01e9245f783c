/// A number of bytes as people write it: digits with an optional K, M, G (binary) or KB, MB, GB (decimal).
public struct ByteCount: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count, in bytes.
    public var bytes: UInt64

    /// That many bytes.
    public init(_ bytes: UInt64) {
        self.bytes = bytes
    }

    /// The fewest whole mebibytes that hold so many bytes.
    package static func wholeMebibytes(for bytes: UInt64) -> Self {
        let step: UInt64 = 1 << 20
        return Self((bytes + step - 1) / step * step)
    }

    /// Reads DESIGN's SIZE. `nil` for anything else, and for what does not fit in 63 bits.
    public init?(_ text: some StringProtocol) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let number = UInt64(digits) else { return nil }
        let multiplier: UInt64
        switch text.dropFirst(digits.count) {
        case "": multiplier = 1
        case "K": multiplier = 1 << 10
        case "M": multiplier = 1 << 20
        case "G": multiplier = 1 << 30
        case "KB": multiplier = 1_000
        case "MB": multiplier = 1_000_000
        case "GB": multiplier = 1_000_000_000
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: multiplier)
        guard !overflow, product <= UInt64(Int64.max) else { return nil }
        bytes = product
    }

    /// By the number of bytes.
    public static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }

    /// The shortest exact SIZE for multiples of a binary unit, else the number to one decimal place.
    public var description: String {
        for (unit, size) in [("G", UInt64(1) << 30), ("M", 1 << 20), ("K", 1 << 10)]
        where bytes >= size {
            if bytes % size == 0 { return "\(bytes / size)\(unit)" }
            let tenths = (bytes / (size / 10))
            return "\(tenths / 10).\(tenths % 10)\(unit)"
        }
        return "\(bytes)"
    }
}
