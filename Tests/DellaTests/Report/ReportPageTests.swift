import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Della

/// The page and the picture as text; `make test-report` opens them in a browser.
@Suite struct ReportPageTests {
    /// Everything that a page can be made of, by name.
    static let samples: [(name: String, report: SyntheticReport)] = [
        ("merge", Self.ordinary), ("large", SyntheticReport(layers: 126, models: 5, family: .llama)),
        ("mixture", Self.mixture), ("vision", SyntheticReport(layers: 16, family: .vision)),
        ("comparison", SyntheticReport(layers: 28, models: 3, method: nil)), ("hostile", Self.hostile),
        ("alone", Self.alone), ("many", SyntheticReport(layers: 32, models: 14, family: .fused)),
        ("small", SyntheticReport(layers: 1, models: 2, family: .gpt2)), ("copied", Self.copied),
    ]

    /// A merge of two models with things that stand out.
    private static var ordinary: SyntheticReport {
        var made = SyntheticReport(layers: 40)
        made.change(where: { $0 == "lm_head.weight" }) { $0.changeSquares *= 90 }
        made.change(where: { $0.contains(".17.mlp.down_proj") }) { $0.changeSquares *= 40 }
        made.change(where: { [0, 1].contains(LayerPosition($0)?.layer ?? -1) }) { statistics in
            for place in statistics.inputs.indices {
                statistics.inputs[place].squares = 0
                statistics.inputs[place].equal = statistics.elements
                statistics.inputs[place].factor = nil
            }
            statistics.products = [0]
            (statistics.changeSquares, statistics.changed) = (0, 0)
        }
        return made
    }

    /// More tensors than the table has rows, and an expert that moved far.
    private static var mixture: SyntheticReport {
        var made = SyntheticReport(layers: 46, family: .mixture, experts: 50)
        made.change(where: { $0.contains(".experts.41.") }) { $0.inputs[0].squares *= 50 }
        made.change(where: { $0.contains("layers.3.block_sparse_moe.experts.2.w1") }) { $0.outputNaNs = 7 }
        return made
    }

    /// Names that mean something in HTML, SVG and terminals, and very long ones.
    static var hostile: SyntheticReport {
        var made = SyntheticReport(layers: 6, models: 3)
        let name = "</title><script>alert(1)</script>&\"'\u{202E}\u{1B}[31m\u{FFFE}"
        made.merge.title = name
        made.merge.reference = "</desc></svg><img src=x onerror=alert(1)>"
        made.merge.models = ["a", name, String(repeating: "long-", count: 200), "</td><td>\u{0}"]
        made.merge.config = "models: [\"</pre><script>alert(1)</script>\"]\n\tx: 1\n"
        made.merge.method = "<b>ties</b>"
        for index in made.tensors.indices {
            made.tensors[index].name += "<\(String(repeating: "n", count: index))>&"
            for input in made.tensors[index].parameters.indices {
                made.tensors[index].parameters[input].append(.init(name: "<i>\"&", value: 1))
            }
        }
        return made
    }

    /// One model, nothing to hold against it.
    private static var alone: SyntheticReport { SyntheticReport(layers: 8, models: 0, method: "passthrough") }

    /// Tensors that nothing was measured of.
    private static var copied: SyntheticReport {
        var made = SyntheticReport(layers: 4, models: 0, method: "passthrough")
        made.change(where: { _ in true }) { $0 = TensorStatistics() }
        return made
    }

    /// Walks over the tags of a document; each that is opened is closed, in order.
    private func tags(_ text: String) throws -> [String] {
        let void: Set<Substring> = ["meta", "!DOCTYPE", "!doctype", "br", "img"]
        var open: [Substring] = [], all: [String] = []
        var rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            let end = try #require(rest[start...].firstIndex(of: ">"))
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            all.append(String(tag))
            let name = tag.prefix { !$0.isWhitespace && $0 != ">" }
            if tag.hasPrefix("/") {
                try #require(open.popLast() == tag.dropFirst(), "\(tag)")
            } else if !tag.hasSuffix("/"), !void.contains(name) {
                open.append(name)
                // Their text has no tags.
                if name == "style" || name == "script" {
                    rest = rest[(try #require(rest.range(of: "</\(name)>"))).lowerBound...]
                }
            }
        }
        #expect(open.isEmpty, "left open: \(open)")
        return all
    }

    @Test(arguments: samples.map(\.name)) func pagesAndPicturesAreWhole(name: String) throws {
        let report = try #require(Self.samples.first { $0.name == name }).report.report
        let pageTags = try tags(report.html), pictureTags = try tags(report.svg)
        let pictures = pageTags.filter { $0.hasPrefix("svg ") && !$0.contains("aria-hidden=\"true\"") }
        for tag in pictures + pictureTags.filter({ $0.hasPrefix("svg ") }) {
            #expect(tag.contains("role=\"img\""))
            let names = try #require(tag.firstMatch(of: #/aria-labelledby="(\w+) (\w+)"/#))
            let all = tag.contains("xmlns") ? pictureTags : pageTags
            #expect(all.count { $0 == "title id=\"\(names.1)\"" } == 1)
            #expect(all.count { $0 == "desc id=\"\(names.2)\"" } == 1)
        }
        // An empty table, a `-` for lack of a figure, but no text of Swift's.
        for text in [report.html, report.svg] {
            #expect(!text.contains("Optional(") && !text.contains("nil<"))
            #expect(!text.contains(#/\b(inf|nan)\b/#))
        }
        // Nothing from elsewhere: the one address is SVG's name.
        for text in [report.html, report.svg] {
            let addresses = text.ranges(of: "://").count
            #expect(addresses == text.ranges(of: "xmlns=\"http://www.w3.org/2000/svg\"").count)
            for word in [
                " src=", " href=", "url(", "@import", "@font-face", "<link", "<iframe", "javascript:",
            ] {
                #expect(!text.contains(word) || name == "hostile", "\(word)")
            }
        }
        #expect(!report.svg.contains("<script"))
        #expect(pageTags.count { $0.hasPrefix("script") } == 1)
    }

    @Test func namesAreTextWhateverTheyHold() throws {
        let report = Self.hostile.report
        let page = try tags(report.html), picture = try tags(report.svg)
        for tag in page + picture {
            #expect(
                !tag.hasPrefix("img") && !tag.hasPrefix("b>") && !tag.hasPrefix("i>") && tag != "b"
                    && tag != "i")
        }
        for text in [report.html, report.svg, report.summaryLines.joined()] {
            for scalar in ["\u{202E}", "\u{1B}", "\u{0}", "\u{FFFE}"] as [Unicode.Scalar] {
                #expect(
                    !text.unicodeScalars.contains(scalar)
                        || text == report.summaryLines.joined() && scalar == "\u{FFFE}")
            }
        }
        #expect(report.html.contains("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;"))
    }

    @Test func theLargestPlanStaysBelowTwoMegabytes() {
        let report = SyntheticReport(layers: 126, models: 5).report
        #expect(report.tensorRows?.count == 126 * 9 + 3)
        #expect(report.html.utf8.count < 2_000_000, "\(report.html.utf8.count)")
        #expect(report.svg.utf8.count < 500_000, "\(report.svg.utf8.count)")
        var pieces = 0
        report.htmlPieces { piece in
            #expect(piece.count < 4 * ReportPage.pieceBytes)
            pieces += 1
        }
        #expect(pieces > 1)
    }

    @Test(arguments: samples.map(\.name)) func bytesFollowFromTheFigures(name: String) throws {
        let made = try #require(Self.samples.first { $0.name == name }).report
        #expect(
            made.report.html == made.report.html && made.report.svg == made.report.svg
                && made.json == made.json)
    }

    @Test func whatHasNoFiguresIsLeftOut() {
        let comparison = SyntheticReport(method: nil).report.html
        #expect(
            !comparison.contains("Output") && !comparison.contains("<h2>Configured")
                && !comparison.contains("<h2>Experts"))
        let alone = Self.alone.report.html
        #expect(!alone.contains("<h2>Models") && !alone.contains("Cosine"))
        let merge = SyntheticReport().report.html
        for heading in [
            "What stands out", "Models", "Where", "By layer", "Configured, and what it came to", "Tensors",
            "Config",
        ] {
            #expect(merge.contains("<h2>\(heading)</h2>"), "\(heading)")
        }
        #expect(SyntheticReport(family: .mixture).report.html.contains("<h2>Experts</h2>"))
    }

    /// For the browser: `TEST_REPORT_FOLDER` names where the samples go.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["TEST_REPORT_FOLDER"] != nil))
    func samplesAreWritten() throws {
        let folder = FilePath(ProcessInfo.processInfo.environment["TEST_REPORT_FOLDER"] ?? "")
        for (name, made) in Self.samples {
            let report = made.report
            for (end, text) in [("html", report.html), ("svg", report.svg), ("json", made.json)] {
                try FileSystem.writeWhole(
                    Array(text.utf8), to: folder.appending("\(name).\(end)"), sync: false)
            }
        }
    }
}
