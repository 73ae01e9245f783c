import Della
import SystemPackage

/// The command that fetches a model, as the setting `fetch_command` has it: words, some of which are filled in.
///
/// Words go to the program as they are, never through a shell. `{model}`, `{revision}` and `{folder}` stand for one
/// value, `{include}` for one word each file. A word whose value is not there is left out, and so is an option before it.
struct FetchCommandLine: Hashable, Sendable {
    /// What `--fetch` runs where nothing is set.
    static let usual = "hf download {model} --revision {revision} {include}"
    /// Words, at most.
    private static let wordLimit = 100
    private static let placeholders = ["{model}", "{revision}", "{include}", "{folder}"]

    /// As it was set.
    let text: String
    private let words: [String]

    /// - Throws: what is wrong (what to do).
    init(_ text: String) throws(SettingProblem) {
        self.text = text
        words = try Self.words(of: text)
        guard !words.isEmpty else { throw SettingProblem("has no words (example: \(Self.usual))") }
        guard words.count <= Self.wordLimit else {
            throw SettingProblem("has more than \(Self.wordLimit) words (use a script)")
        }
        for word in words {
            for name in Self.names(in: word) where !Self.placeholders.contains(name) {
                throw SettingProblem(
                    "'\(name)' is filled by nothing (\(Self.placeholders.joined(separator: ", ")))")
            }
        }
        guard words.contains(where: { $0.contains("{model}") }), !words[0].contains("{") else {
            throw SettingProblem("'\(text)' has no {model} after its program (example: \(Self.usual))")
        }
        if words.contains(where: { $0 != "{include}" && $0.contains("{include}") }) {
            throw SettingProblem("{include} is a word of its own (put spaces around it)")
        }
    }

    /// Words are separated by spaces; one that has some is put in quotes of either kind.
    private static func words(of text: String) throws(SettingProblem) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character.isWhitespace {
                if let whole = word { words.append(whole) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil else { throw SettingProblem("has a quote that is not closed (close it)") }
        if let word { words.append(word) }
        return words
    }

    private static func names(in word: String) -> [String] {
        word.split(separator: "{", omittingEmptySubsequences: false).dropFirst().map { part in
            "{" + part.prefix { $0 != "}" } + "}"
        }
    }

    /// The program and its arguments.
    ///
    /// - Parameters:
    ///   - include: files or patterns; none for all.
    ///   - folder: where the files go. A command that does not say where it wants that gets `--local-dir` at its end.
    func arguments(for model: HubModel, revision: String?, include: [String], folder: FilePath) -> [String] {
        var filled: [String] = []
        for word in words {
            if word == "{include}" {
                let option = filled.last.flatMap { $0.hasPrefix("-") ? $0 : nil }
                if option != nil { filled.removeLast() }
                for file in include { filled += (option.map { [$0] } ?? []) + [file] }
            } else if word.contains("{revision}"), revision == nil {
                if word.hasPrefix("{"), filled.count > 1, filled.last?.hasPrefix("-") == true {
                    filled.removeLast()
                }
            } else {
                filled.append(
                    word.replacing("{model}", with: model.name).replacing("{revision}", with: revision ?? "")
                        .replacing("{folder}", with: folder.string))
            }
        }
        if !words.contains(where: { $0.contains("{folder}") }) { filled += ["--local-dir", folder.string] }
        return filled
    }

    /// Whether the program is `hf`, or answers as it does: then it is asked what the files are.
    var canList: Bool { words.count > 1 && words[1] == "download" }

    /// What tells the commit of a revision.
    func informationArguments(for model: HubModel) -> [String] {
        [words[0], "models", "info", model.name] + (model.revision.map { ["--revision", $0] } ?? [])
            + ["--format", "json"]
    }

    /// What lists the files of a commit.
    func listArguments(for model: HubModel, commit: String) -> [String] {
        [words[0], "models", "list", model.name, "--recursive", "--revision", commit, "--format", "json"]
    }
}
