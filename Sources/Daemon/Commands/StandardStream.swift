import Glibc
import StreamIO
import SystemPackage

/// Standard output and standard error, unbuffered, so that text is out before the process may be killed.
enum StandardStream {
    case output, error

    private var descriptor: FileDescriptor { self == .output ? .standardOutput : .standardError }

    /// Whether a person is looking.
    var isTerminal: Bool { isatty(descriptor.rawValue) == 1 }

    /// Whether it is a terminal that moves its cursor when it is told to. A pipe, a file and `TERM=dumb` get plain lines.
    func isSteerable(_ environment: [String: String] = ProcessEnvironment.variables) -> Bool {
        guard isTerminal, let kind = environment["TERM"] else { return false }
        return !kind.isEmpty && kind != "dumb"
    }

    /// Whether the journal reads it: systemd names the device and inode of its stream, so that what redirects
    /// or inherits the environment only is not taken for it.
    func isJournal(_ environment: [String: String]) -> Bool {
        var status = stat()
        guard let stream = environment["JOURNAL_STREAM"], fstat(descriptor.rawValue, &status) == 0 else {
            return false
        }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }

    /// Columns of the terminal; 80 where it does not say.
    var width: Int {
        var size = winsize()
        guard ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Forgets a width that `COLUMNS` says and no terminal has: help would be broken into empty lines.
    static func forgetImpossibleWidth() {
        guard let text = getenv("COLUMNS"), (Int(String(cString: text)) ?? 0) < 1 else { return }
        unsetenv("COLUMNS")
    }

    /// Writes all of the text if it can. Of standard error alone: whom that does not reach cannot be told.
    func write(_ text: String) { try? writeWhole(text) }

    /// Writes all of the text to standard output.
    ///
    /// - Throws: where it cannot be, so that what is cut is not taken for whole. A pipe that nobody reads any more is no
    ///   failure of the program.
    static func print(_ text: String) throws(CommandFailure) {
        do throws(Errno) {
            try output.writeWhole(text)
        } catch {
            guard error != .brokenPipe else { return }
            let remedy = DiskRemedy(error, of: "the disk that it goes to").text ?? "let it go elsewhere"
            throw CommandFailure("standard output: \(error) (\(remedy))", .io)
        }
    }

    /// Prints what became of work that is done whether or not this is read: where it cannot be printed, standard error
    /// says so, and the command has not failed.
    static func printOutcome(_ text: String) {
        do throws(CommandFailure) {
            try print(text)
        } catch {
            Self.error.write("dellad: it is done, but cannot be told: \(error.message)\n")
        }
    }

    private func writeWhole(_ text: String) throws(Errno) { try descriptor.writeWhole(Array(text.utf8)) }
}
