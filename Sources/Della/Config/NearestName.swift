/// Finds the name that was probably meant.
package enum NearestName {
    /// The candidate with the smallest edit distance to `name`, case ignored; `nil` where all are further than
    /// a third of its length, at least 2. The first of equals wins.
    package static func match(_ name: String, among candidates: [String]) -> String? {
        // No candidate is nearly as long.
        let name = String(name.prefix(256)).lowercased()
        let limit = max(2, name.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(
                name, candidate.lowercased(), limit: best?.distance ?? limit + 1)
            if distance < best?.distance ?? (limit + 1) { best = (candidate, distance) }
        }
        return best?.name
    }

    /// `did you mean X?`, or `otherwise`.
    package static func remedy(_ name: String, among candidates: [String], otherwise: String) -> String {
        match(name, among: candidates).map { "did you mean \($0)?" } ?? otherwise
    }

    /// Insertions, deletions, substitutions and swaps of neighbours between two names; `limit` once it is
    /// reached. O(m·n) of the names' bytes; names beyond 256 bytes are cut.
    static func distance(_ left: String, _ right: String, limit: Int) -> Int {
        let a = Array(left.utf8.prefix(256)), b = Array(right.utf8.prefix(256))
        guard abs(a.count - b.count) < limit else { return limit }
        var before = Array(repeating: 0, count: b.count + 1)
        var previous = Array(0...b.count)
        var row = before
        for i in 0..<a.count {
            row[0] = i + 1
            var least = i + 1
            for j in 0..<b.count {
                var cost = min(previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row[j + 1] = cost
                least = min(least, cost)
            }
            guard least < limit else { return limit }
            (before, previous, row) = (previous, row, before)
        }
        return min(previous[b.count], limit)
    }
}
