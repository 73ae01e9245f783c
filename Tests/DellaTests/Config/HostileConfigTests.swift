import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Files that are made, or happen, to exhaust whoever reads them: refused by a limit, at once.
@Suite struct HostileConfigTests {
    private static func bomb(_ use: String) -> String {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            text +=
                "a\(level): &a\(level) ["
                + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ") + "]\n"
        }
        return text + use
    }

    static let files: [(name: String, text: [UInt8], message: String)] = [
        ("100 MB", Array(repeating: UInt8(ascii: "a"), count: 100_000_000), "more than the 1 MiB"),
        ("zeros", Array(repeating: 0, count: 1 << 20), "cannot be part of a config"),
        ("noise", (0..<(1 << 19)).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 9) }, ":1: "),
        ("invalid UTF-8", Array("base_model: ".utf8) + [0xC3, 0x28], "not UTF-8"),
        ("brackets", Array(repeating: UInt8(ascii: "["), count: 1 << 20), "levels within each other"),
        ("braces", Array(String(repeating: "{a: ", count: 1 << 18).utf8), "levels within each other"),
        ("dashes", Array(String(repeating: "- ", count: 1 << 19).utf8), "levels within each other"),
        ("question marks", Array(String(repeating: "? ", count: 1 << 19).utf8), "levels within each other"),
        ("a bomb of aliases", Array(bomb("").utf8), "counting what aliases stand for"),
        ("a bomb as a key", Array(bomb("? *a11\n: x\n").utf8), "counting what aliases stand for"),
        ("a bomb of merges", Array(mergeBomb.utf8), "unknown key 'm0'"),
        ("an alias of itself", Array("a: &a [*a]\n".utf8), "names no anchor"),
        (
            "aliases", Array(("a: &a x\nb: [" + String(repeating: "*a, ", count: 5000) + "]\n").utf8),
            "aliases"
        ),
        ("deep through aliases", Array(ladder.utf8), "counting what aliases stand for"),
        ("many keys", Array((0..<60_000).map { "k\($0): 1\n" }.joined().utf8), "more than 50000 values"),
        (
            "a long line", Array(("weight: [" + String(repeating: "0.5, ", count: 200_000) + "0.5]").utf8),
            "more than 50000 values"
        ),
        ("quotes", Array(String(repeating: "\"", count: 1 << 20).utf8), "not YAML"),
        ("anchors", Array(String(repeating: "&", count: 1 << 20).utf8), "not YAML"),
        ("tags", Array(String(repeating: "!", count: 1 << 20).utf8), "a config is a mapping"),
    ]

    private static let mergeBomb: String = {
        var text = "m0: &m0 {" + (0..<100).map { "k\($0): 1" }.joined(separator: ", ") + "}\n"
        for level in 1..<10 {
            text +=
                "m\(level): &m\(level) {<<: ["
                + Array(repeating: "*m\(level - 1)", count: 40).joined(separator: ", ") + "]}\n"
        }
        return text
    }()

    /// Each level holds the one before, so that depth grows though nothing is written deep.
    private static let ladder = "a0: &a0 [x]\n" + (1..<100).map { "a\($0): &a\($0) [*a\($0 - 1)]\n" }.joined()

    @Test(arguments: files.indices)
    func aHostileFileIsRefusedAtOnce(index: Int) throws {
        let file = Self.files[index]
        let planner = MergePlanner(
            library: ModelLibrary(folders: [], workingDirectory: nil, allowsAnyPath: true))
        let begin = ThreadTime.now
        let error = try #require(throws: MergeProblems.self) {
            _ = try planner.plan(file.text, fileName: "file.yml", outputName: "file")
        }
        #expect(ThreadTime.now - begin < .seconds(10), "\(file.name)")
        #expect(error.description.contains(file.message), "\(file.name): \(error)")
        #expect(error.problems.count <= ProblemList.limit + 1)
        #expect(error.exitCode == 65)
    }

    @Test func theLineThatIsNoUTF8IsTold() throws {
        // é as Latin-1 has it.
        let text = Array("# Mod".utf8) + [0xE8] + Array("les\nmerge_method: della\nbase_model: caf".utf8)
        for (bytes, line) in [(text, 1), (Array(text.dropFirst(6)) + [0xE9, 0x0A], 3)] {
            let planner = MergePlanner(
                library: ModelLibrary(folders: [], workingDirectory: nil, allowsAnyPath: true))
            let error = try #require(throws: MergeProblems.self) {
                _ = try planner.plan(bytes, fileName: "file.yml", outputName: "file")
            }
            #expect(error.problems.map(\.line) == [line] && error.description.contains("(save it as UTF-8)"))
        }
    }

    @Test func whatMessagesQuoteIsCut() throws {
        let long = String(repeating: "x", count: 900_000)
        let models = (0..<200).map {
            "  - {model: Org/M\($0), parameters: {density: *a, epsilon: *a, weight: *a, *a : 1}}\n"
        }
        let config = "tokenizer: &a \"\(long)\"\nmerge_method: *a\nmodels:\n" + models.joined()
        let begin = ThreadTime.now
        let error = try report(config)
        #expect(ThreadTime.now - begin < .seconds(10))
        #expect(error.description.utf8.count <= MergeProblems.byteLimit + 100)
        let line = try #require(error.problems.first { $0.line == 4 })
        let quoted = String(repeating: "x", count: 67) + "…" + String(repeating: "x", count: 33)
        #expect(line.message == "density: '\(quoted)' is no number")
        let last = try #require(error.problems.last)
        #expect(last.message.hasSuffix(" more problems"))
    }

    @Test(arguments: [
        "base_model: NAME\nmerge_method: della\nmodels: [{model: A/B, parameters: {weight: 1}}]\n",
        "base_model: {path: A/B, revision: NAME}\nmerge_method: della\nmodels: [{model: A/B}]\n",
    ])
    func aNameThatNoPathCanHaveIsRefusedUnread(config: String) throws {
        let begin = ThreadTime.now
        let error = try report(config.replacing("NAME", with: String(repeating: "n/", count: 450_000)))
        #expect(ThreadTime.now - begin < .seconds(10))
        let problem = try #require(error.problems.first)
        #expect(problem.line == 1)
        #expect(problem.message.contains(" bytes, and no path more than 4096"))
        #expect(problem.remedy == "write Org/Name, or a path")
        let longest = config.replacing("NAME", with: String(repeating: "n", count: 4000))
        #expect(try !report(longest).description.contains("no path more than"))
    }

    @Test func aReportIsBoundedAsAWhole() throws {
        let models = (0..<150).map {
            "  - {model: Org/M\($0)\(String(repeating: "y", count: 900)), parameters: {weight: 1}}\n"
        }
        let error = try report("base_model: Org/Base\nmerge_method: della\nmodels:\n" + models.joined())
        #expect(error.description.utf8.count <= MergeProblems.byteLimit + 100)
        let last = try #require(error.problems.last)
        #expect(last.message == "\(151 - (error.problems.count - 1)) more problems")
        #expect(error.exitCode == 65)
    }

    private func report(_ config: String) throws -> MergeProblems {
        let planner = MergePlanner(
            library: ModelLibrary(folders: [], workingDirectory: nil, allowsAnyPath: true))
        return try #require(throws: MergeProblems.self) {
            _ = try planner.plan(Array(config.utf8), fileName: "file.yml", outputName: "file")
        }
    }

    /// What steers a terminal, as YAML writes it.
    private static let escapes = "\\e[2J\\e]0;pwn\\a\\u202E\\nx"

    @Test(arguments: [
        "base_model: \"\(escapes)base\"\nmerge_method: della\nmodels: [{model: A/B, parameters: {weight: 1}}]\n",
        Rule.top("\"\(escapes)\": 1\n\"\(escapes)\": 2\n"),
        Rule.parameters(
            "weight: \"\(escapes)\"\n\"\(escapes)\": 1\ndensity: [{filter: a, value: \"\(escapes)\"}]\n"),
        "base_model: \"+\(escapes)\"\nmerge_method: \"\(escapes)\"\nmodels: [\"\(escapes)\"]\n",
    ])
    func noProblemSteersATerminal(config: String) throws {
        let planner = MergePlanner(
            library: ModelLibrary(folders: [], workingDirectory: nil, allowsAnyPath: true))
        let error = try #require(throws: MergeProblems.self) {
            _ = try planner.plan(Array(config.utf8), fileName: "a\u{1B}\u{202E}.yml", outputName: "file")
        }
        #expect(error.description.contains("\\u{1B}[2J\\u{1B}]0;pwn\\u{7}\\u{202E}"))
        #expect(error.description.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" })
    }
}
