import Foundation
import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What the built program writes on a terminal, and where there is none.
@Suite struct TerminalTests {
    /// A terminal that nobody sits at.
    private struct Terminal {
        let ours: Int32
        let theirs: FileHandle

        init(columns: UInt16) throws {
            ours = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY)
            var (lock, number) = (Int32(0), UInt32(0))
            // TIOCSPTLCK and TIOCGPTN.
            let isOpen =
                ours >= 0 && ioctl(ours, 0x4004_5431, &lock) == 0 && ioctl(ours, 0x8004_5430, &number) == 0
            try #require(isOpen)
            let descriptor = Glibc.open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
            try #require(descriptor >= 0)
            var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
            _ = ioctl(descriptor, UInt(TIOCSWINSZ), &size)
            theirs = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        }

        /// What has been written to it, which its buffer holds.
        func text() -> String {
            _ = fcntl(ours, F_SETFL, O_NONBLOCK)
            var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
            while case let count = Glibc.read(ours, &buffer, buffer.count), count > 0 {
                bytes += buffer[..<count]
            }
            close(ours)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// A spool with a merge under way, as far as anybody can tell.
    private func spool(_ rig: MergeRig) throws -> Spool {
        let spool = Spool(root: rig.spool, output: rig.output)
        try spool.createFolders()
        let name = try #require(JobName("a-job-of-a-name-that-is-as-long-as-people-make-them"))
        var status = JobStatus(job: name, state: .merging, output: "/out")
        status.progress.bytesTotal = 100
        status.bytesPerSecond = 1.5e9
        status.etaSeconds = 3723
        try spool.config(name, in: .active).write("x")
        try spool.statusFile(name).write(status.json.serialized())
        return spool
    }

    @Test(arguments: [40, 80] as [UInt16], ["xterm", "dumb", ""])
    func aTerminalGetsItsWidthAndIsSteeredWhereItCanBe(columns: UInt16, kind: String) throws {
        let rig = try MergeRig()
        let spool = try spool(rig)
        let lock = try SpoolLock.holding(spool.root)
        let terminal = try Terminal(columns: columns)
        let watch = try Executable(
            ["status", "--watch", "--spool", rig.spool.string], in: rig.folder, environment: ["TERM": kind],
            terminal: terminal.theirs)
        usleep(1_500_000)
        watch.killAndWait()
        let text = terminal.text()
        #expect(text.contains("\u{1B}") == (kind == "xterm"), "\(text.debugDescription)")
        #expect(text.contains("1.5 GB/s") && text.contains("ETA 1:02:03"), "\(text)")
        let plain = text.replacing("\u{1B}[K", with: "").replacing("\u{1B}[H", with: "\n").replacing(
            "\u{1B}[J", with: "")
        #expect(plain.split(whereSeparator: \.isNewline).allSatisfy { $0.count <= Int(columns) }, "\(text)")
        _ = consume lock
    }

    @Test(arguments: [["status", "--watch"], ["status"], ["status", "--done"]])
    func aFileGetsNoEscapeSequences(arguments: [String]) throws {
        let rig = try MergeRig()
        let spool = try spool(rig)
        let lock = try SpoolLock.holding(spool.root)
        let run = try Executable(
            arguments + ["--spool", rig.spool.string], in: rig.folder, environment: ["TERM": "xterm"])
        usleep(1_200_000)
        run.killAndWait()
        #expect(!run.outputText.isEmpty)
        #expect(!(run.outputText + run.errorText).contains("\u{1B}"), "\(run.outputText)")
        _ = consume lock
    }
}
