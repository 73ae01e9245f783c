/// How old something may get: digits and m, h, d or w.
struct Age: Hashable, Sendable, CustomStringConvertible {
    /// The most that makes sense, in seconds: a hundred years.
    private static let limit: Int64 = 36_500 * 86_400

    let seconds: Int64
    /// As it was written.
    let description: String

    /// Reads an age of a minute or more; `nil` for anything else.
    init?(_ text: String) {
        let units: [Character: Int64] = ["m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400]
        let digits = text.dropLast()
        guard let unit = text.last.flatMap({ units[$0] }), digits.allSatisfy({ $0.isASCII && $0.isNumber }),
            let count = Int64(digits), count > 0, count <= Self.limit / unit
        else { return nil }
        seconds = count * unit
        description = text
    }
}
