/// Scores in order: by magnitude, NaN equal to each other and above infinity.
enum ReferenceOrder {
    static func key(_ score: Float) -> UInt32 { score.isNaN ? 0x7F80_0001 : abs(score).bitPattern }

    /// The `count` largest; of equal ones the earlier.
    static func largest(_ scores: [Float], count: Int) -> [Bool] {
        let keys = scores.map(key)
        let order = keys.indices.sorted { keys[$0] == keys[$1] ? $0 < $1 : keys[$0] > keys[$1] }
        var kept = scores.map { _ in false }
        for i in order.prefix(min(max(count, 0), scores.count)) { kept[i] = true }
        return kept
    }

    /// numpy's: NaN where either is.
    static func greater(_ x: Float, _ y: Float) -> Float { x.isNaN || y.isNaN ? .nan : x > y ? x : y }

    static func lesser(_ x: Float, _ y: Float) -> Float { x.isNaN || y.isNaN ? .nan : x < y ? x : y }
}
