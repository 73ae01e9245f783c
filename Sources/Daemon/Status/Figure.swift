/// Figures as people read them, in a few characters.
enum Figure {
    /// `1.3 GB`: decimal, as disks and the Hub count.
    static func bytes(_ count: UInt64) -> String {
        var value = Double(count)
        for unit in ["B", "kB", "MB", "GB"] {
            if value < 999.5 { return unit == "B" ? "\(count) B" : "\(short(value)) \(unit)" }
            value /= 1000
        }
        return "\(short(value)) TB"
    }

    /// `1 thread`, `2 threads`.
    static func count(_ count: Int, _ unit: String) -> String { "\(count) \(unit)\(count == 1 ? "" : "s")" }

    /// `540 MB/s`.
    static func rate(_ bytesPerSecond: Double) -> String {
        "\(bytes(UInt64(exactly: max(0, bytesPerSecond).rounded(.towardZero)) ?? 0))/s"
    }

    /// `3:07` or `1:02:03`; `4.2 s` below ten seconds.
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "-" }
        if seconds < 9.95 { return "\(short(seconds)) s" }
        let whole = Int(seconds.rounded())
        let tail = "\(pad(whole / 60 % 60, whole >= 3600)):\(pad(whole % 60, true))"
        return whole >= 3600 ? "\(whole / 3600):\(tail)" : tail
    }

    /// `42.3 %`.
    static func percent(_ fraction: Double) -> String {
        let tenths = Int((max(0, min(1, fraction)) * 1000).rounded(.down))
        return "\(tenths / 10).\(tenths % 10) %"
    }

    /// `#####.....` of the width.
    static func bar(_ fraction: Double, width: Int) -> String {
        let filled = Int((max(0, min(1, fraction)) * Double(width)).rounded(.down))
        return String(repeating: "#", count: filled) + String(repeating: ".", count: max(0, width - filled))
    }

    /// One decimal place below 100.
    private static func short(_ value: Double) -> String {
        guard value < 99.95 else { return "\(Int(value.rounded()))" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func pad(_ number: Int, _ wide: Bool) -> String {
        wide && number < 10 ? "0\(number)" : "\(number)"
    }
}
