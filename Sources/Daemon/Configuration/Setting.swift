import Della
import Logging
import StreamIO

/// What an operator sets for `serve`: a key of `dellad.yaml`, a `DELLAD_…` variable and a flag each.
enum Setting: String, CaseIterable, Sendable {
    case spool
    case output
    case models
    case allowsAnyPath = "allow_any_path"
    case memory
    case threads
    case engine = "io"
    case sha256
    case audit
    case report
    case shardSize = "shard_size"
    case clearAfter = "clear_after"
    case jobsPerUser = "max_jobs_per_user"
    case fetchCommand = "fetch_command"
    case fetchSpace = "fetch_space"
    case fetchKeep = "fetch_keep"
    case logLevel = "log_level"

    /// Its name in the environment.
    var variable: String { "DELLAD_" + rawValue.uppercased() }

    /// Whether it takes a list.
    var isList: Bool { self == .models }

    /// What is wrong with a value (what to do); `nil` where nothing is.
    func problem(with values: [String]) -> String? {
        guard let text = values.first else { return "is an empty list (name a folder, or leave the key out)" }
        switch self {
        case .spool, .output, .models:
            guard let path = values.first(where: { !$0.hasPrefix("/") }) else { return nil }
            return "'\(path)' is no absolute path (begin it with /)"
        case .allowsAnyPath, .sha256, .report:
            return Self.flag(text) == nil
                ? "'\(text)' is neither true nor false" + " (write one of them)" : nil
        case .audit:
            return AuditPolicy(text) == nil
                ? "'\(text)' is no audit (auto, off, or a share: \(AuditPolicy.shareForm))" : nil
        case .memory, .shardSize:
            if self == .memory, text == Self.automatic { return nil }
            guard size(text) != nil else { return "'\(text)' is no size (\(ByteCount.remedy))" }
            return nil
        case .threads:
            let range = 1...MergeOptions.threadLimit
            guard text != Self.automatic, !(Int(text).map(range.contains) ?? false) else { return nil }
            return "'\(text)' is no number of threads (auto, or a number from 1 to \(range.upperBound))"
        case .engine:
            let all = IOEngineKind.allCases.map(\.rawValue)
            return all.contains(text) ? nil : "'\(text)' is none of \(all.joined(separator: ", ")) (use one)"
        case .fetchCommand: return Self.fetchProblem(with: text)
        case .fetchSpace:
            return FetchSpace(text) == nil
                ? "'\(text)' is no space (a share of the disk, 90%, or a size for all models, 500G)" : nil
        case .clearAfter, .fetchKeep:
            return text == Self.never || Age(text) != nil
                ? nil : "'\(text)' is no age (never, or digits and m, h, d or w: 30d)"
        case .jobsPerUser:
            let range = 1...SpoolMachine.jobLimit
            guard !(Int(text).map(range.contains) ?? false) else { return nil }
            return "'\(text)' is no number of jobs (a number from 1 to \(range.upperBound))"
        case .logLevel:
            let all = Logger.Level.allCases.map(\.rawValue)
            return all.contains(text) ? nil : "'\(text)' is none of \(all.joined(separator: ", ")) (use one)"
        }
    }

    private static func fetchProblem(with text: String) -> String? {
        // Empty, nothing is fetched.
        guard text.contains(where: { !$0.isWhitespace }) else { return nil }
        do throws(SettingProblem) {
            _ = try FetchCommandLine(text)
            return nil
        } catch {
            return error.description
        }
    }

    /// The bytes that a value of `memory` or `shard_size` says; `nil` for what is no size.
    func size(_ text: String) -> UInt64? {
        let size = self == .shardSize ? ByteCount(ofShard: text) : ByteCount(text)
        return size.flatMap { $0.bytes > 0 ? $0.bytes : nil }
    }

    /// The value that leaves the choice to the daemon.
    static let automatic = "auto"
    /// The value that nothing is old enough for.
    static let never = "never"

    static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }
}
