import Della
import StreamIO
import SystemPackage
import Yams

/// A `dellad.yaml` that was read: every key known, every value fit.
struct SettingsFile: Hashable, Sendable {
    /// The most bytes of the file.
    static let sizeLimit = 64 << 10

    /// What it sets; keys that are absent or null keep their defaults.
    var values: [Setting: [String]] = [:]

    /// Reads a file.
    ///
    /// - Throws: all that is wrong with it, a line each: `FILE:LINE: what is wrong (what to do)`.
    init(reading path: FilePath) throws(CommandFailure) {
        let bytes: [UInt8]
        do {
            bytes = try FileSystem.readWhole(path, limit: Self.sizeLimit)
        } catch  where error.errno == .noSuchFileOrDirectory {
            throw CommandFailure(
                "\(path): is not there (create it, or name another with --config)", .badConfiguration)
        } catch  where error.errno == .permissionDenied {
            throw CommandFailure.denied(path, .badConfiguration)
        } catch {
            throw CommandFailure("\(error) (settings are a short text file)", .badConfiguration)
        }
        try self.init(bytes, fileName: path.string)
    }

    init(_ bytes: [UInt8], fileName: String) throws(CommandFailure) {
        let start = bytes.starts(with: TextEncoding.mark) ? TextEncoding.mark.count : 0
        guard let text = String(validating: bytes[start...], as: UTF8.self) else {
            throw CommandFailure("\(fileName): is not UTF-8 text (save it as such)", .badConfiguration)
        }
        var problems: [String] = []
        let (once, repeated) = Self.withoutRepeats(text)
        do throws(CommandFailure) {
            for (key, value) in try Self.pairs(text, fileName) { take(key, value, into: &problems) }
        } catch {
            // The rest is looked at as if each key were there once.
            guard !repeated.isEmpty, let rest = try? Self.pairs(once, fileName) else { throw error }
            for (key, value) in rest { take(key, value, into: &problems) }
            problems = repeated + problems
        }
        guard problems.isEmpty else {
            throw CommandFailure(
                problems.map { "\(fileName):\($0)" }.joined(separator: "\n"), .badConfiguration)
        }
    }

    /// The text with every key of the first level once, its later ones made empty lines, and a problem for each of these.
    private static func withoutRepeats(_ text: String) -> (text: String, problems: [String]) {
        var first: [Substring: Int] = [:]
        var problems: [String] = []
        var isLeftOut = false
        var lines: [Substring] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if let start = line.first, !" \t\r-#".contains(start) {
                isLeftOut = false
                if let end = line.firstIndex(of: ":") {
                    let key = line[..<end]
                    if let earlier = first[key] {
                        isLeftOut = true
                        problems.append(
                            "\(index + 1): \(key): is set more than once, first in line \(earlier) (keep one)"
                        )
                    } else {
                        first[key] = index + 1
                    }
                }
            }
            lines.append(isLeftOut ? "" : line)
        }
        return (lines.joined(separator: "\n"), problems)
    }

    private static func pairs(_ text: String, _ fileName: String) throws(CommandFailure) -> [(Node, Node)] {
        let root: Node?
        do {
            root = try compose(yaml: text)
        } catch {
            throw CommandFailure("\(fileName):\(Self.describe(error))", .badConfiguration)
        }
        guard let root, root.null == nil else { return [] }
        guard let mapping = root.mapping else {
            let line = root.mark?.line ?? 1
            throw CommandFailure(
                "\(fileName):\(line): is no list of settings (write KEY: VALUE, one a line)",
                .badConfiguration)
        }
        return mapping.map { ($0.key, $0.value) }
    }

    private mutating func take(_ key: Node, _ value: Node, into problems: inout [String]) {
        let line = key.mark?.line ?? 1
        guard let name = key.scalar?.string, let setting = Setting(rawValue: name) else {
            let name = key.scalar?.string ?? "a key that is no name"
            let remedy = NearestName.remedy(
                name, among: Setting.allCases.map(\.rawValue), otherwise: "see dellad.yaml(5)")
            problems.append("\(line): unknown key '\(name)' (\(remedy))")
            return
        }
        guard value.null == nil else { return }
        let texts: [String]
        if let scalar = value.scalar {
            texts = [scalar.string]
        } else if setting.isList, let items = value.sequence, items.allSatisfy({ $0.scalar != nil }) {
            texts = items.compactMap { $0.scalar?.string }
        } else {
            let wanted = setting.isList ? "one folder or a list of them" : "one value"
            problems.append("\(line): \(name) takes \(wanted) (see dellad.yaml(5))")
            return
        }
        if let problem = setting.problem(with: texts) {
            problems.append("\(line): \(name): \(problem)")
        } else {
            values[setting] = texts
        }
    }

    /// `LINE: what is wrong (what to do)` of what the parser found.
    private static func describe(_ error: any Error) -> String {
        let remedy = "see dellad.yaml(5), and indent with spaces"
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return "\(mark.line): not YAML: \(problem) (\(remedy))"
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.joined(separator: ", ")
            return "\(context.mark.line): \(names): is set more than once (keep one)"
        default:
            return "1: not YAML: \(error) (\(remedy))"
        }
    }
}
