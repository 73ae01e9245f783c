import StreamIO

/// Numbers as a report shows them: three digits, the same on every machine.
enum ReportText {
    /// Three significant digits: `0.0123`, `12.3`, `1.2e-7`; `–` of what is not finite.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        guard value != 0 else { return "0" }
        var rest = value.magnitude, exponent = 0
        while rest >= 10 { (rest, exponent) = (rest / 10, exponent + 1) }
        while rest < 1 { (rest, exponent) = (rest * 10, exponent - 1) }
        var digits = Int((rest * 100).rounded())
        if digits == 1000 { (digits, exponent) = (100, exponent + 1) }
        let sign = value < 0 ? "-" : ""
        switch exponent {
        case 2...5: return sign + "\(digits)" + String(repeating: "0", count: exponent - 2)
        case 0...1: return sign + trimmed("\(digits)", after: exponent + 1)
        case -4..<0: return sign + trimmed(String(repeating: "0", count: -exponent) + "\(digits)", after: 1)
        default: return sign + trimmed("\(digits)", after: 1) + "e\(exponent)"
        }
    }

    /// Of an optional value.
    static func number(_ value: Double?) -> String { value.map { number($0) } ?? "–" }

    /// In hundredths, with the sign for it: `1.23 %`.
    static func percent(_ share: Double?) -> String { share.map { number($0 * 100) + " %" } ?? "–" }

    /// A share of elements in hundredths, which is 0 or 100 only where it is none or all.
    static func share(_ part: UInt64, of all: UInt64) -> String {
        guard all > 0 else { return "–" }
        if part == 0 { return "none" }
        if part == all { return "all" }
        let share = Double(part) / Double(all)
        return share > 0.9995 ? "over 99.9 %" : percent(share)
    }

    /// A count: `1,234`, `8.03 billion`.
    static func count(_ count: UInt64) -> String {
        switch count {
        case ..<1_000_000:
            return count < 1000
                ? "\(count)" : "\(count / 1000)," + String(String(1000 + count % 1000).dropFirst())
        case ..<1_000_000_000: return number(Double(count) / 1e6) + " million"
        default: return number(Double(count) / 1e9) + " billion"
        }
    }

    /// `1 tensor`, `2 tensors`.
    static func counted(_ count: Int, _ noun: String) -> String {
        "\(Self.count(UInt64(max(0, count)))) \(noun)\(count == 1 ? "" : "s")"
    }

    /// `a`, `a and b`, `a, b and c`.
    static func list(_ parts: [String]) -> String {
        guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
        return parts.dropLast().joined(separator: ", ") + " and " + last
    }

    /// A place in a picture, to a tenth.
    static func place(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let whole = tenths.magnitude / 10, rest = tenths.magnitude % 10
        return (tenths < 0 ? "-" : "") + (rest == 0 ? "\(whole)" : "\(whole).\(rest)")
    }

    /// A name where there is little room: as much of its beginning and its end as shows in `limit` characters.
    static func short(_ name: String, _ limit: Int = 32) -> String {
        name.printable(atMost: 4 * limit).printable(atMost: limit)
    }

    /// The text for HTML and SVG: as a person may see it, with what has a meaning there escaped.
    static func escaped(_ text: String) -> String {
        let printable = text.printable
        guard printable.utf8.contains(where: { "&<>\"'".utf8.contains($0) || $0 == 0xEF }) else {
            return printable
        }
        var result = ""
        for scalar in printable.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // No characters of XML.
            case "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func trimmed(_ digits: String, after whole: Int) -> String {
        var decimals = digits.dropFirst(whole)
        while decimals.last == "0" { decimals.removeLast() }
        return digits.prefix(whole) + (decimals.isEmpty ? "" : "." + decimals)
    }
}
