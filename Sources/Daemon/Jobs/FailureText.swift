import StreamIO

/// Why a job failed, as files keep it: so much that those who read the files can.
struct FailureText: Hashable {
    /// The most bytes, for those who write and who read it.
    static let byteLimit = 64 << 10
    private static let lineLimit = 2000

    /// A line each problem; the last of more than there is room for says how many there are.
    let text: String

    init(_ all: String) {
        guard all.utf8.count > Self.byteLimit - 256 else {
            text = all
            return
        }
        let lines = all.split(separator: "\n")
        var kept: [String] = []
        var room = Self.byteLimit - 256
        for line in lines {
            let line = String(line).printable(atMost: Self.lineLimit)
            room -= line.utf8.count + 1
            guard room >= 0 else { break }
            kept.append(line)
        }
        if kept.count < lines.count {
            kept.append(
                "and \(Figure.count(lines.count - kept.count, "more problem")) (dellad check CONFIG lists them all)"
            )
        }
        text = kept.joined(separator: "\n")
    }
}
