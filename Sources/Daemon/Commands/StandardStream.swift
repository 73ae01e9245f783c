import Glibc
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

    /// Writes all of the text. A stream that nobody reads any more is no failure of the program.
    func write(_ text: String) {
        _ = try? descriptor.writeAll(text.utf8)
    }
}
