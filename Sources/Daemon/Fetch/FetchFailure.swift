import StreamIO

/// Why a model was not fetched: the downloader's words, and what to do.
struct FetchFailure: Error, Hashable, Sendable, CustomStringConvertible {
    enum Kind: String, Hashable, Sendable {
        /// The same would come of it again: no such model, no permission, no such revision, settings.
        case permanent
        /// The network, or a hub that is busy: it is tried again.
        case passing
        /// What came is not what the hub lists: it is fetched anew, a few times.
        case damaged
        /// The disk is full, or would be.
        case full
        /// As asked: what was fetched is kept.
        case stopped
    }

    var kind: Kind
    /// What is wrong.
    var message: String
    /// What to do.
    var remedy: String

    var description: String { "\(message) (\(remedy))" }

    init(_ kind: Kind, _ message: String, _ remedy: String) {
        self.kind = kind
        self.message = message
        self.remedy = remedy
    }

    /// That the disk failed.
    init(_ error: IOError) {
        let isFull = error.errno == .noSpace || error.errno == .diskQuotaExceeded
        self.init(
            isFull ? .full : .permanent, "\(error)",
            isFull ? Self.fullRemedy : "let dellad write there, and free the cause")
    }

    static let stopped = FetchFailure(.stopped, "the fetch was stopped", "ask again to go on")
    static let fullRemedy = "free space, then ask again: what came is kept"

    /// What a command that waits for the model ends with.
    var exitCode: Int32 {
        switch kind {
        case .permanent: CommandFailure.Code.missingInput.rawValue
        case .passing: CommandFailure.Code.locked.rawValue
        case .damaged: CommandFailure.Code.badData.rawValue
        case .full: CommandFailure.Code.io.rawValue
        case .stopped: CommandFailure.Code.interrupted.rawValue
        }
    }

    // MARK: What a downloader says

    /// What became of a downloader that ended badly, by its words.
    init(of program: String, code: Int32, words text: String) {
        let words = DownloaderWords(text)
        let said = words.told.isEmpty ? "\(program) ended with \(code)" : words.told
        let kind = words.kind ?? (code == 2 ? .permanent : .passing)
        self.init(kind, said, words.remedy ?? Self.usualRemedy(kind, program, code: code))
    }

    private static func usualRemedy(_ kind: Kind, _ program: String, code: Int32) -> String {
        switch kind {
        case .full: fullRemedy
        case .permanent where code == 2:
            "look at fetch_command, and update \(program): pip install -U huggingface_hub"
        case .permanent: "see what it says"
        case .passing, .damaged, .stopped: "look at the network, then ask again: what came is kept"
        }
    }
}
