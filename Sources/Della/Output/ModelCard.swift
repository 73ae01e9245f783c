/// The output's `README.md`, as Hugging Face shows it: what was merged, how, and from which config.
///
/// Models are named as the config names them; of a path only the last component is shown, and no link is made.
struct ModelCard {
    /// Its name in the output.
    static let fileName = "README.md"

    /// The output's name.
    var title: String
    var method: MethodRules
    /// `nil` where the merge has none.
    var base: ModelName?
    /// The models besides the base, those of slices among them, each once.
    var models: [ModelName]
    /// The config, without local paths.
    var config: String

    /// The config that a card shows.
    static func config(shownBy card: String) -> String {
        guard let title = card.firstRange(of: "\n## Configuration\n\n") else { return "" }
        let lines = card[title.upperBound...].split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first, first.hasSuffix("yaml") else { return "" }
        let fence = first.dropLast(4)
        return lines.dropFirst().prefix { $0 != fence }.map { $0 + "\n" }.joined()
    }

    /// A card that shows a picture of the output's before its config.
    static func text(_ text: String, with picture: String) -> String {
        guard let place = text.firstRange(of: "\n## Configuration\n") else { return text }
        return text[..<place.lowerBound] + "\n![What the merge changed, by layer](\(picture))\n"
            + text[place.lowerBound...]
    }

    /// The card.
    var text: String {
        var lines = ["---"]
        // What the front matter lists is looked for on the Hub: names, not what a path ends in.
        var names: [String] = []
        for model in (base.map { [$0] } ?? []) + models
        where model.isLookedUp && !names.contains(model.text) {
            names.append(model.text)
        }
        lines.append(names.isEmpty ? "base_model: []" : "base_model:")
        lines += names.map { "- \(Self.scalar($0))" }
        lines += [
            "library_name: transformers", "tags:", "- mergekit", "- merge", "- \(method.name)", "---",
            "# \(title)",
            "",
        ]
        lines += [
            "A merge of language models in the \(Self.link(method)) method, made with dellad from a",
            "[mergekit](https://github.com/arcee-ai/mergekit) configuration.", "",
        ]
        if let base { lines.append("* Base: \(Self.link(base))") }
        lines += models.map { "* Merged: \(Self.link($0))" }
        lines += Self.configuration(config)
        return lines.joined(separator: "\n")
    }

    /// The lines of the section with a config, the last one ended.
    static func configuration(_ config: String) -> [String] {
        let fence = String(repeating: "`", count: max(3, longestFence(in: config) + 1))
        return ["", "## Configuration", "", fence + "yaml", trimmed(config), fence, ""]
    }

    /// A method with a link to where it is described.
    static func link(_ method: MethodRules) -> String {
        "\(method.reference.map { "[\(method.title)](\($0))" } ?? method.title) (`\(method.name)`)"
    }

    /// A model with a link where huggingface.co may have it.
    static func link(_ model: ModelName) -> String {
        guard model.isHubName else { return model.text }
        let revision = model.revision.map { " at \($0)" } ?? ""
        return "[\(model.text)](https://huggingface.co/\(model.text))\(revision)"
    }

    /// A name as a YAML scalar, in quotes where it needs them.
    static func scalar(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || "/._-".utf8.contains($0)
        }
        let startsWell =
            text.utf8.first.map { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) } ?? false
        return isPlain && startsWell
            ? text
            : "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// A config without the empty lines at its end.
    private static func trimmed(_ config: String) -> String {
        var text = config
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }

    /// The longest run of backquotes in a config.
    private static func longestFence(in config: String) -> Int {
        var longest = 0
        var run = 0
        for byte in config.utf8 {
            run = byte == UInt8(ascii: "`") ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }
}
