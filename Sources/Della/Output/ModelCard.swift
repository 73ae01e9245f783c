/// The output's `README.md`, as Hugging Face shows it: what was merged, how, and from which config.
///
/// Models are named as the config names them; of a path only the last component is shown.
struct ModelCard {
    /// The output's name.
    var title: String
    var method: MergeMethod
    var base: ModelReference
    /// The models besides the base, each once.
    var models: [ModelReference]
    /// The config as given.
    var config: String

    /// The card.
    var text: String {
        var references: [ModelReference] = []
        for model in [base] + models where !references.contains(model) { references.append(model) }
        var lines = ["---"]
        var names: [String] = []
        for name in references.map(\.displayName) where !names.contains(name) { names.append(name) }
        lines.append("base_model:")
        lines += names.map { "- \(Self.scalar($0))" }
        lines += [
            "library_name: transformers", "tags:", "- mergekit", "- merge", "- della", "---", "# \(title)",
            "",
        ]
        lines += [
            "A merge of language models in the \(methodLink) method, made with dellad from a",
            "[mergekit](https://github.com/arcee-ai/mergekit) configuration.", "",
            "* Base: \(Self.link(base))",
        ]
        lines += models.map { "* Merged: \(Self.link($0))" }
        let fence = String(repeating: "`", count: max(3, longestFence + 1))
        lines += ["", "## Configuration", "", fence + "yaml", publicConfig, fence, ""]
        return lines.joined(separator: "\n")
    }

    private var methodLink: String {
        "[\(method == .della ? "DELLA" : "DELLA linear")](https://arxiv.org/abs/2406.11617) (`\(method.rawValue)`)"
    }

    /// A model with a link where huggingface.co may have it.
    private static func link(_ model: ModelReference) -> String {
        let name = model.displayName
        guard model.isHubName else { return name }
        let revision = model.revision.map { " at \($0)" } ?? ""
        return "[\(name)](https://huggingface.co/\(name))\(revision)"
    }

    /// A name as a YAML scalar, in quotes where it needs them.
    private static func scalar(_ text: String) -> String {
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

    /// The config with local paths cut to the models' names.
    private var publicConfig: String {
        var text = config
        let paths = Set(([base] + models).filter(\.isLocalPath).map(\.path))
        for path in paths.sorted(by: { ($0.count, $0) > ($1.count, $1) }) {
            text = text.replacing(path, with: ModelReference(path)?.displayName ?? "model")
        }
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }

    /// The longest run of backquotes in the config.
    private var longestFence: Int {
        var longest = 0, run = 0
        for byte in config.utf8 {
            run = byte == UInt8(ascii: "`") ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }
}
