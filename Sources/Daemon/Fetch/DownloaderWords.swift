/// What a downloader printed, read for why it failed. The words are those of huggingface_hub, and of what it stands on.
struct DownloaderWords: Hashable {
    private static let lengthLimit = 500

    /// The line that tells, without what a person at a terminal is told besides.
    let told: String
    private let text: String

    init(_ text: String) {
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            String(line.drop { $0 == " " })
        }.filter { !$0.isEmpty && !$0.hasPrefix("Hint:") }
        var told = lines.last { Self.isError($0) } ?? lines.last ?? ""
        if told.hasPrefix("Error: ") { told = String(told.dropFirst("Error: ".count)) }
        while told.hasSuffix(".") { told.removeLast() }
        self.told = told.printable(atMost: Self.lengthLimit)
        self.text = text.lowercased()
    }

    /// `Error: …`, or the last line of Python's, `OSError: …`.
    private static func isError(_ line: String) -> Bool {
        let name = line.prefix { $0 != ":" }
        guard name.utf8.count < line.utf8.count, !name.contains(" ") else { return false }
        return name.hasSuffix("Error") || name.hasSuffix("Exception")
    }

    private struct Rule {
        var kind: FetchFailure.Kind
        var words: [String]
        var remedy: String?
    }

    private static let gated =
        "accept its terms on its page, and give dellad a token that may read it: HF_TOKEN, or LoadCredential=hf_token:FILE in dellad-fetch.service"

    /// In this order: a full disk also ends connections, and a hub that is busy is not one that has no such model.
    private static let rules = [
        Rule(
            kind: .full,
            words: ["no space left", "disk quota exceeded", "[errno 28]", "not enough free disk space"]),
        Rule(kind: .permanent, words: ["requires approval", "gated", "is restricted"], remedy: gated),
        Rule(
            kind: .passing,
            // Not the numbers alone: commits are made of digits too.
            words: [
                "error 429", "too many requests", "rate limit", "500 internal", "502 bad", "503 service",
                "504 gateway", "timed out", "timeout", "connection", "connecterror", "readerror",
                "network is unreachable", "name resolution", "name or service not known",
                "server disconnected", "peer closed", "remoteprotocolerror", "offline",
            ]),
        Rule(kind: .damaged, words: ["consistency check failed"]),
        Rule(
            kind: .permanent, words: ["revision '", "revision not found", "invalid rev id"],
            remedy: "correct the revision after the @, or leave it out"),
        Rule(
            kind: .permanent,
            words: ["unauthorized", "forbidden", "invalid credentials", "access denied"],
            remedy: gated),
        Rule(
            kind: .permanent,
            words: [
                "model '", "repository not found", "repo not found", "404 not found", "404 client error",
                "repo id must",
            ],
            remedy:
                "check the name; a private model needs a token: HF_TOKEN, or LoadCredential=hf_token:FILE in dellad-fetch.service"
        ),
        Rule(
            kind: .permanent, words: ["no such command", "no such option", "unrecognized arguments"],
            remedy: "update it: pip install -U huggingface_hub; and look at fetch_command"),
    ]

    private var rule: Rule? {
        let line = told.lowercased()
        func rule(in text: String) -> Rule? {
            Self.rules.first { rule in rule.words.contains { text.contains($0) } }
        }
        // What tells is one line; the others may tell of what was tried before.
        return rule(in: line) ?? rule(in: text)
    }

    /// `nil` where the words say nothing known.
    var kind: FetchFailure.Kind? { rule?.kind }
    var remedy: String? { rule?.remedy }
}
