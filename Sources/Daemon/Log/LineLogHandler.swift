import Logging
import StreamIO

/// One line an event, to standard error: under systemd with the journal's priority and no time, which the
/// journal has, elsewhere with the time in front.
struct LineLogHandler: LogHandler {
    let isJournal: Bool
    let write: @Sendable (String) -> Void
    let threshold: LogThreshold
    var metadata: Logger.Metadata = [:]

    init(
        isJournal: Bool, threshold: LogThreshold = LogThreshold(),
        write: @escaping @Sendable (String) -> Void = { StandardStream.error.write($0) }
    ) {
        self.isJournal = isJournal
        self.threshold = threshold
        self.write = write
    }

    /// The threshold's, shared by all copies.
    var logLevel: Logger.Level {
        get { threshold.level }
        set { threshold.level = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }
        let job = details["job"].map { "\($0): " } ?? ""
        // A message of several lines, such as a config's problems, is as many lines of the log.
        for line in "\(event.message)".split(separator: "\n") {
            let text = "\(job)\(line)".printable + "\n"
            write(
                isJournal
                    ? "<\(Self.priority(event.level))>\(text)" : "\(Timestamp.now) \(event.level) \(text)")
        }
    }

    /// syslog's number.
    static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
