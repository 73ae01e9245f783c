import StreamIO
import SystemPackage

/// `alpha_pattern` or `rank_pattern` of an adapter: numbers by the names of modules, as peft matches them: the name, its end
/// after a dot, or a regular expression of either.
struct ModulePattern: Sendable {
    /// Entries, bytes of one, and signs of repetition in one, at most: a regular expression may take time that grows with
    /// the power of these.
    private static let entryLimit = 4096, byteLimit = 256, repetitionLimit = 3

    private var numbers: [(key: String, value: Double)] = []
    /// Whether a key is more than a name.
    private var hasExpressions = false

    /// - Parameters:
    ///   - json: the entry; `nil` and null where there is none.
    ///   - key: its own key, for messages.
    init(_ json: JSON?, in path: FilePath, key: String) throws(AdapterProblem) {
        guard let json, !json.isNull else { return }
        guard let members = json.objectValue?.members, members.count <= Self.entryLimit else {
            throw AdapterProblem("\(path): \(key) is no table of modules", AdapterConfig.mergeRemedy)
        }
        for member in members {
            guard let value = member.value.doubleValue, value.isFinite else {
                throw AdapterProblem(
                    "\(path): \(key) of \(member.key.excerpt) is no number", AdapterConfig.mergeRemedy)
            }
            if !Self.isName(member.key) {
                let repetitions = member.key.utf8.count { "*+?{".utf8.contains($0) }
                let isNested = [")*", ")+", "){", ")?"].contains { member.key.containsText($0) }
                guard member.key.utf8.count <= Self.byteLimit, repetitions <= Self.repetitionLimit, !isNested,
                    !Self.hasFlags(member.key), Self.expression(member.key) != nil
                else {
                    throw AdapterProblem(
                        "\(path): \(key) has '\(member.key.excerpt)', which is not matched here",
                        "write the modules' names there")
                }
                hasExpressions = true
            }
            numbers.append((member.key, value))
        }
    }

    /// The number of the first entry that a module's name matches; `nil` where none does.
    func value(of module: String) -> Double? {
        for (key, value) in numbers {
            guard hasExpressions, !Self.isName(key) else {
                if Self.isEnd(key, of: module) { return value }
                continue
            }
            guard module.utf8.count <= Self.byteLimit, let expression = Self.expression(key) else { continue }
            if (try? expression.wholeMatch(in: module)) != nil { return value }
        }
        return nil
    }

    /// Whether a name is a module's, or its end after a dot. In the name a dot is any character, as in every regular
    /// expression.
    private static func isEnd(_ name: String, of module: String) -> Bool {
        let (name, module) = (name.utf8, module.utf8)
        guard module.count >= name.count else { return false }
        let end = module.suffix(name.count)
        let before = module.dropLast(name.count).last
        return (before == nil || before == UInt8(ascii: "."))
            && zip(name, end).allSatisfy { $0 == UInt8(ascii: ".") || $0 == $1 }
    }

    private static func isName(_ key: String) -> Bool {
        key.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
        }
    }

    /// Whether flags stand within, `(?i)`: peft has the key after something else, where no flags may stand.
    private static func hasFlags(_ key: String) -> Bool {
        key.ranges(of: "(?").contains { range in
            guard let next = key[range.upperBound...].first else { return true }
            return !":=!<P".contains(next)
        }
    }

    private static func expression(_ key: String) -> Regex<AnyRegexOutput>? {
        try? Regex("(?:.*\\.)?(?:\(key))")
    }
}
