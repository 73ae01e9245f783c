/// Bars of block characters, in tables for a terminal.
enum TextBar {
    /// Characters of a bar, at most.
    static let width = 8

    /// A bar of up to `width` characters, to an eighth of one; empty for values that are not positive.
    static func bar(_ value: Double, most: Double) -> String {
        guard value > 0, most > 0, value.isFinite else { return "" }
        let eighths = max(1, Int((min(1, value / most) * Double(8 * width)).rounded()))
        let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return String(repeating: "█", count: eighths / 8) + rest
    }

    /// The text with spaces behind it, as wide as asked for.
    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
