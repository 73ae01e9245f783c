/// A number of bytes as people write it: a number with an optional K, M, G, KiB, MiB, GiB (binary) or KB, MB, GB (decimal).
public struct ByteCount: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count, in bytes.
    public var bytes: UInt64

    /// What messages say of a text that is no size.
    public static let remedy = "a number with K, M, G or KB, MB, GB: 1.5G"

    private static let units: [String: UInt64] = [
        "": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
        "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000,
    ]
    /// Digits after the point, at most: a nanogigabyte is a byte.
    private static let decimalLimit = 9

    /// That many bytes.
    public init(_ bytes: UInt64) {
        self.bytes = bytes
    }

    /// The fewest whole mebibytes that hold so many bytes; the most that there are numbers for.
    package static func wholeMebibytes(for bytes: UInt64) -> Self {
        Self(bytes.addingSaturated(1 << 20 - 1) & ~(1 << 20 - 1))
    }

    /// Whole mebibytes that fit into so many bytes; the bytes themselves where they are fewer.
    package static func wholeMebibytes(within bytes: UInt64) -> Self {
        Self(bytes < 1 << 20 ? bytes : bytes & ~(1 << 20 - 1))
    }

    /// Reads DESIGN's SIZE, part of a byte left out. `nil` for anything else, and for what does not fit in 63 bits.
    public init?(_ text: some StringProtocol) {
        self.init(text, units: Self.units)
    }

    /// Reads the size of a shard, of which mergekit's `B` is 10⁹ bytes.
    public init?(ofShard text: some StringProtocol) {
        self.init(text, units: Self.units.merging(["B": 1_000_000_000]) { $1 })
    }

    private init?(_ text: some StringProtocol, units: [String: UInt64]) {
        func digits(_ text: some StringProtocol) -> String {
            String(text.prefix { $0.isASCII && $0.isNumber })
        }
        let whole = digits(text)
        var rest = text.dropFirst(whole.count)
        var decimals = ""
        if rest.first == "." {
            decimals = digits(rest.dropFirst())
            guard (1...Self.decimalLimit).contains(decimals.count) else { return nil }
            rest = rest.dropFirst(1 + decimals.count)
        }
        guard let number = UInt64(whole), let unit = units[String(rest)] else { return nil }
        var parts: UInt64 = 1
        for _ in decimals { parts *= 10 }
        // Both factors are below 2³⁰, or are 2³⁰ itself.
        let fraction = (UInt64(decimals) ?? 0) * unit / parts
        let total = number.multipliedSaturated(by: unit).addingSaturated(fraction)
        guard total <= UInt64(Int64.max) else { return nil }
        bytes = total
    }

    /// By the number of bytes.
    public static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }

    /// The shortest SIZE without decimals that is exactly this one.
    public var description: String {
        var shortest = "\(bytes)"
        for unit in ["G", "M", "K", "GB", "MB", "KB"] {
            guard let size = Self.units[unit], bytes >= size, bytes % size == 0 else { continue }
            let text = "\(bytes / size)\(unit)"
            if text.utf8.count < shortest.utf8.count { shortest = text }
        }
        return shortest
    }
}
