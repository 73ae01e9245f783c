import Della
import StreamIO
import SystemPackage

/// A command line that begins with no command, and what it was likely meant to be.
struct MissingCommand {
    /// Without the program's name.
    let words: [String]
    /// Names of commands.
    let commands: [String]

    /// What is wrong (what to do); `nil` where a command is named, or none was asked for.
    var problem: String? {
        if words.first == "help" { return helpProblem }
        guard let first = words.first, !commands.contains(first),
            !["-h", "--help", "--version"].contains(first),
            !first.hasPrefix("---"), !first.hasPrefix("--generate-"), !first.hasPrefix("--experimental-")
        else { return nil }
        // Options in front of a command's name are another mistake.
        guard !first.hasPrefix("-") || !words.contains(where: commands.contains) else { return nil }
        let configs = words.filter { !$0.hasPrefix("-") && ($0.hasSuffix(".yml") || $0.hasSuffix(".yaml")) }
        if let config = configs.first, !isMisspelt(first) {
            // CONFIG alone can only be checked, or dropped.
            let places = words.filter { !$0.hasPrefix("-") }.count
            let line = words.map(Self.quoted).joined(separator: " ")
            return places > 1
                ? "\(config): no command is named (is a merge meant? dellad merge \(line))"
                : "\(config): no command is named (dellad check \(line) says what it needs, dellad merge "
                    + "\(line) OUT merges it)"
        }
        guard !first.hasPrefix("-") else { return nil }
        return unknown(first)
    }

    /// Whether it is a command's name nearly, and no file's.
    private func isMisspelt(_ word: String) -> Bool {
        !word.hasPrefix("-") && !word.contains("/") && !word.hasSuffix(".yml") && !word.hasSuffix(".yaml")
            && ((try? FileSystem.status(FilePath(word))) ?? nil) == nil
            && NearestName.match(word, among: commands) != nil
    }

    /// Of `help` for what is no command.
    private var helpProblem: String? {
        guard let topic = words.dropFirst().first, !topic.hasPrefix("-"), topic != "help",
            !commands.contains(topic)
        else { return nil }
        return unknown(topic)
    }

    private func unknown(_ word: String) -> String {
        let remedy = NearestName.remedy(
            word, among: commands, otherwise: "dellad help lists them; a merge is dellad merge CONFIG OUT")
        return "'\(word)' is no command (\(remedy))"
    }

    /// A word as a shell takes it.
    private static func quoted(_ word: String) -> String {
        let plain = word.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || "0123456789-_./,:=@%+".unicodeScalars.contains(scalar))
        }
        return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
