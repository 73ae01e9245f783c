import Della
import StreamIO
import SystemPackage

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
    /// The models that would mend it if they were there; `nil` where they would not.
    var absentModels: [HubModel]?

    init(_ message: String, exitCode: Int32) {
        self.message = message
        self.exitCode = exitCode
    }

    init(_ message: String, _ code: Code) {
        self.init(message, exitCode: code.rawValue)
    }

    /// That a file or folder is closed to this user, with the way in.
    ///
    /// - Parameters:
    ///   - path: what was named.
    ///   - place: where the permission was denied, if that is elsewhere.
    ///   - writing: whether it was to be written to.
    static func denied(
        _ path: FilePath, at place: FilePath? = nil, writing: Bool = false, _ code: Code
    ) -> Self {
        Self("\(path): Permission denied (\(AccessAdvice(for: place ?? path, writing: writing)))", code)
    }
}
