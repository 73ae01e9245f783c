import StreamIO

/// `report.html`: one file that needs no other, no network and no script, but to sort the table.
///
/// Handed out in pieces. A policy in its head lets a browser run that one script and load nothing.
struct ReportPage: TextInPieces, Sendable {
    let report: MergeReport
    let charts: LayerCharts
    let frame: HeatFrame
    let scale: HeatScale

    /// The page of a report.
    init(_ report: MergeReport) {
        self.report = report
        charts = LayerCharts(report)
        frame = HeatFrame(report)
        scale = HeatScale(
            HeatMap.figures(frame, report.subjects)
                + report.experts.compactMap(\.self).flatMap { figures in
                    report.subjects.compactMap { $0.relativeChange(figures) }
                })
    }

    func pieces(_ body: ([UInt8]) throws -> Void) rethrows {
        var piece: [UInt8] = []
        func write(_ text: String) throws {
            piece.append(contentsOf: text.utf8)
            guard piece.count >= Self.pieceBytes else { return }
            try body(piece)
            piece.removeAll(keepingCapacity: true)
        }
        for section in [head, top, found, models, places, byLayer, configured, experts] { try write(section) }
        let table = ReportTable(report)
        try write(table.head)
        for row in report.rows { try write(table.row(row)) }
        try write(table.end)
        try write(end)
        try body(piece)
    }

    /// The page's title and, for a sentence, what it is of.
    private var kindOfMerge: String {
        guard let method = report.merge.method else { return "Comparison" }
        return "\(method) merge"
    }

    static func escaped(_ text: String) -> String { ReportText.escaped(text) }

    private var head: String {
        let title = Self.escaped("\(report.merge.title.printable(atMost: 120)) – \(kindOfMerge)")
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-\(Self.hash(of: PageStyle.script))'; "
            + "base-uri 'none'; form-action 'none'"
        return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            + "<meta http-equiv=\"Content-Security-Policy\" content=\"\(policy)\">\n"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            + "<meta name=\"generator\" content=\"dellad \(Self.escaped(report.merge.version))\">\n"
            + "<title>\(title)</title>\n<style>\n\(PageStyle.css)</style>\n</head>\n<body>\n<main>\n"
    }

    /// The SHA-256 of a text in base 64, as a policy names a script.
    private static func hash(of text: String) -> String {
        let digits = Array(SHA256.of(Array(text.utf8)).hexadecimal.utf8)
        var bits: [UInt8] = []
        for digit in digits {
            let value =
                digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10
            bits += [value >> 3 & 1, value >> 2 & 1, value >> 1 & 1, value & 1]
        }
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var result = ""
        for start in stride(from: 0, to: bits.count, by: 6) {
            let value = (start..<start + 6).reduce(0) { $0 << 1 | Int($1 < bits.count ? bits[$1] : 0) }
            result.append(alphabet[value])
        }
        return result + String(repeating: "=", count: (4 - result.count % 4) % 4)
    }

    private var end: String {
        var text = ""
        if !report.merge.config.isEmpty {
            let lines = report.merge.config.split(separator: "\n", omittingEmptySubsequences: false)
                .map { Self.escaped(String($0).replacing("\t", with: "    ")) }
            text +=
                "<h2>Config</h2>\n<details><summary>The config, without local paths</summary>\n"
                + "<pre>\(lines.joined(separator: "\n"))</pre></details>\n"
        }
        return text + "<footer>dellad \(Self.escaped(report.merge.version)). δ is a model’s difference from "
            + "\(Self.escaped(report.referenceName)), b the reference itself, ‖ ‖ the root of the sum of squares. Full precision "
            + "is in report.json.</footer>\n</main>\n<script>\(PageStyle.script)</script>\n</body>\n</html>\n"
    }

    /// A picture with its text.
    static func picture(
        _ id: String, title: String, summary: String, width: Double, height: Double, body: String
    ) -> String {
        let (w, h) = (ReportText.place(width), ReportText.place(height))
        return
            "<svg role=\"img\" aria-labelledby=\"\(id)t \(id)d\" viewBox=\"0 0 \(w) \(h)\" width=\"\(w)\" height=\"\(h)\">"
            + "<title id=\"\(id)t\">\(escaped(title))</title><desc id=\"\(id)d\">\(escaped(summary))</desc>\(body)</svg>"
    }
}

extension MergeReport {
    /// The page, as one text.
    public var html: String {
        var bytes: [UInt8] = []
        htmlPieces { bytes += $0 }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Hands out the page in pieces of UTF-8.
    public func htmlPieces(_ body: ([UInt8]) throws -> Void) rethrows { try ReportPage(self).pieces(body) }
}
