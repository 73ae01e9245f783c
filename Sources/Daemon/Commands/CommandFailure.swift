/// Why a command ends without having done what was asked: what stderr says and the exit code.
struct CommandFailure: Error, Hashable {
    /// Exit codes, by sysexits.h.
    enum Code: Int32 {
        case usage = 64
        case badData = 65
        case missingInput = 66
        /// Planning or merging it ended the daemon too often.
        case crashes = 70
        case cannotCreate = 73
        case io = 74
        case locked = 75
        case badConfiguration = 78
        case interrupted = 130
    }

    /// Without the leading `dellad: `; may have several lines, each of them whole.
    var message: String
    var exitCode: Int32
    /// Printed below as it is: text to paste.
    var appendix: String?

    init(_ message: String, exitCode: Int32) {
        self.message = message
        self.exitCode = exitCode
    }

    init(_ message: String, _ code: Code) {
        self.init(message, exitCode: code.rawValue)
    }
}
