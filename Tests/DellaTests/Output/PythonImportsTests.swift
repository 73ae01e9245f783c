import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// Python files of strangers are looked through in a time that goes with their size.
@Suite struct PythonImportsTests {
    private static let environment = ProcessInfo.processInfo.environment

    @Test(arguments: [
        "from . import (a,\n", "from . import a, \\\n", "from . import (", "from .", "from", " ", "\t#",
        "\\\n",
        "from .a", "from . import (b as\r", "(\r\n", "from . import é,(\n",
    ])
    func aFileOfTheLimitTakesNoTime(piece: String) {
        let text = Array(String(repeating: piece, count: 2 * PythonImports.byteLimit / piece.utf8.count).utf8)
        let start = Self.processorSeconds
        _ = PythonImports(text).modules
        #expect(Self.processorSeconds - start < 2)
    }

    /// What this thread has computed: on a machine that does other things as well, no clock tells.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test func whatIsBeyondTheLimitIsNotRead() {
        let text = "from .a import x\n" + String(repeating: "# \n", count: 100_000) + "from .b import y\n"
        #expect(PythonImports(text.utf8).modules == ["a"])
    }

    @Test func aStopIsAskedForOnTheWay() {
        let text = String(repeating: "from .a import x\n", count: 10_000) + "from .b import y\n"
        var questions = 0
        let found = PythonImports(text.utf8) {
            questions += 1
            return questions > 3
        }
        #expect(found.modules == ["a"])
        #expect(questions == 4)
    }

    /// As many modules as a slow reading finds that shares no code: of a text without comments, strings and
    /// continued lines.
    @Test func randomFilesAreReadInTheirTime() {
        let seed = TestSeed.asked()
        let time = Self.environment["DELLAD_FUZZ_SECONDS"].flatMap { Int($0) } ?? 2
        var random = SeededRandom(seed: seed)
        let words = [
            "from", " ", ".", "import", "a", "b_1", "é", ",", "as", "(", ")", "\\", "\n", "\r\n", "#", ";",
            "\t",
            "\"\"\"", "*", "0", "\u{0}", "\u{FEFF}",
        ]
        let end = ContinuousClock.now + .seconds(time)
        while ContinuousClock.now < end {
            var text = ""
            for _ in 0..<Int.random(in: 0...400, using: &random) {
                text += words.randomElement(using: &random)!
            }
            if Bool.random(using: &random) {
                text = String(repeating: text, count: PythonImports.byteLimit / max(1, text.utf8.count))
            }
            var bytes = Array(text.utf8)
            if !bytes.isEmpty, Bool.random(using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let start = Self.processorSeconds
            let modules = PythonImports(bytes).modules
            #expect(Self.processorSeconds - start < 5, "seed \(seed)")
            #expect(Set(modules).count == modules.count && !modules.contains(""), "seed \(seed)")
            let lines = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                (
                    module: "m\(Int.random(in: 0..<9, using: &random))",
                    kind: Int.random(in: 0..<4, using: &random)
                )
            }
            let plain = lines.map { line in
                switch line.kind {
                case 0: "from .\(line.module) import x"
                case 1: "from . import \(line.module)"
                case 2: "\tfrom . import (\n \(line.module) as y,\n)"
                default: "import \(line.module)"
                }
            }.joined(separator: "\n")
            var expected: [String] = []
            for line in lines where line.kind < 3 && !expected.contains(line.module) {
                expected.append(line.module)
            }
            #expect(PythonImports(plain.utf8).modules == expected, "seed \(seed): \(plain)")
        }
    }
}
