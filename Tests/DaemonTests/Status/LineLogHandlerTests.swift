import Glibc
import Logging
import Synchronization
import Testing

@testable import Daemon

@Suite struct LineLogHandlerTests {
    private func lines(isJournal: Bool, _ body: (Logger) -> Void) -> [String] {
        let lines = LogLines()
        body(lines.logger(isJournal: isJournal))
        return lines.all
    }

    @Test func underSystemdLinesHaveAPriorityAndNoTime() {
        let lines = lines(isJournal: true) { log in
            log.info("queued", metadata: ["job": "seed"])
            log.error("one\ntwo", metadata: ["job": "seed"])
            log.debug("unseen")
        }
        #expect(lines == ["<6>seed: queued\n", "<3>seed: one\n", "<3>seed: two\n"])
    }

    @Test func noLineSteersATerminal() {
        let lines = lines(isJournal: true) { log in
            log.error("\u{1B}[2J\u{202E}one\r\ntwo", metadata: ["job": "seed"])
        }
        #expect(lines == ["<3>seed: \\u{1B}[2J\\u{202E}one\\r\\ntwo\n"])
    }

    @Test func elsewhereLinesHaveTheTime() throws {
        let lines = lines(isJournal: false) { $0.warning("text") }
        #expect(lines.count == 1)
        #expect(lines[0].wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ warning text\n/) != nil)
    }

    @Test(
        "The journal is known by the device and inode of its stream, not by an environment that was inherited"
    )
    func journalIsKnownByItsStream() {
        var status = stat()
        fstat(STDERR_FILENO, &status)
        let own = "\(status.st_dev):\(status.st_ino)"
        #expect(StandardStream.error.isJournal(["JOURNAL_STREAM": own]))
        #expect(!StandardStream.error.isJournal(["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino + 1)"]))
        #expect(!StandardStream.error.isJournal(["INVOCATION_ID": "x"]))
    }
}
