import StreamIO

/// What a fetcher says of a request: `MODEL.answer` beside it.
struct FetchAnswer: Hashable, Sendable {
    enum State: String, Hashable, Sendable {
        case listing, fetching, checking
        /// It failed, and is tried again.
        case waiting
        case done, failed
    }

    /// Of the request that is answered.
    private(set) var identifier: String
    var state: State
    var bytesDone: UInt64 = 0
    /// `nil` until the files are listed.
    var bytesTotal: UInt64?
    /// What went wrong last: what is wrong (what to do).
    var error: String?
    /// What a job that wants it fails with.
    var exitCode: Int32?
    /// Runs that failed since the last byte came.
    var attempts = 0
    var commit: String?

    init(identifier: String, state: State) {
        self.identifier = identifier
        self.state = state
    }

    /// The same, said to whoever asks now.
    func readdressed(to request: FetchRequest) -> Self {
        var answer = self
        answer.identifier = request.identifier
        return answer
    }

    var isFinal: Bool { state == .done || state == .failed }

    var json: JSON {
        func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
        return .object(
            JSONObject([
                ("schema", .int(1)), ("id", .string(identifier)), ("state", .string(state.rawValue)),
                ("bytes_done", .int(bytesDone)), ("bytes_total", bytesTotal.map { .int($0) } ?? .null),
                ("error", optional(error)), ("exit_code", exitCode.map { .int(Int($0)) } ?? .null),
                ("attempts", .int(attempts)), ("commit", optional(commit)),
            ]))
    }

    init?(_ json: JSON) {
        guard let identifier = json["id"]?.stringValue,
            let state = json["state"]?.stringValue.flatMap({ State(rawValue: $0) })
        else { return nil }
        self.init(identifier: identifier, state: state)
        func count(_ key: String) -> UInt64? { json[key]?.intValue.flatMap { UInt64(exactly: $0) } }
        bytesDone = count("bytes_done") ?? 0
        bytesTotal = count("bytes_total")
        error = json["error"]?.stringValue
        exitCode = json["exit_code"]?.intValue.flatMap { (1...255).contains($0) ? Int32($0) : nil }
        attempts = json["attempts"]?.intValue.flatMap { (0...1_000_000).contains($0) ? $0 : nil } ?? 0
        commit = json["commit"]?.stringValue
    }
}
