/// A parameter as a config writes it: a number, a gradient, or conditions with either.
struct ParameterSetting: Hashable, Sendable {
    /// One of the cases of a setting.
    struct Condition: Hashable, Sendable {
        /// A part of the tensor's name; `nil` and `*` match every tensor.
        var filter: String?
        /// A number has one value here, a gradient several.
        var values: [Double]
        var line: Int

        /// Whether there is no tensor that it does not match.
        var matchesAll: Bool { filter == nil || filter == "*" || filter == "" }

        func matches(_ tensor: String) -> Bool {
            guard let filter, !matchesAll else { return true }
            return tensor.containsText(filter)
        }
    }

    /// In the order written; the first that matches is taken.
    var conditions: [Condition]
    /// Where the parameter's name stands.
    var line: Int

    /// The condition for a tensor; `nil` where none matches and the next level is asked.
    func condition(for tensor: String) -> Condition? {
        conditions.first { $0.matches(tensor) }
    }
}

extension ParameterSetting.Condition {
    /// A number, or the gradient at `t` from 0 to 1: between `values[i]` and the next, `(1−f)·a + f·b`.
    func number(at t: Double) -> Double {
        guard values.count > 1 else { return values[0] }
        let scaled = t * Double(values.count - 1)
        let index = min(values.count - 1, Int(scaled))
        let next = min(values.count - 1, index + 1)
        let fraction = scaled - Double(index)
        return (1 - fraction) * values[index] + fraction * values[next]
    }

    /// A truth value: the gradient's entry at or below `t`, as mergekit chooses among words.
    func flag(at t: Double) -> Bool {
        values[min(values.count - 1, Int(t * Double(values.count - 1)))] != 0
    }
}

extension String {
    /// Whether `part` is a substring; an empty one always is. O(n·m) of the UTF-8.
    func containsText(_ part: String) -> Bool {
        let whole = utf8, piece = part.utf8
        guard piece.count <= whole.count else { return false }
        var start = whole.startIndex
        for _ in 0...(whole.count - piece.count) {
            if whole[start...].starts(with: piece) { return true }
            guard start < whole.endIndex else { return false }
            start = whole.index(after: start)
        }
        return false
    }
}
