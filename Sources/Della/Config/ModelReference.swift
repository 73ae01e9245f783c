/// A model as a config names it: a path, or a name to be looked up, with `@revision` and `+adapter`.
struct ModelReference: Hashable, Sendable {
    /// Bytes of a model's name, at most: Linux's PATH_MAX.
    static let byteLimit = 4096

    var path: String
    /// A commit or branch of Hugging Face's cache.
    var revision: String?
    /// A LoRA adapter that is applied to the model.
    var adapter: String?

    /// A model whose parts are known; `path` is taken to the letter.
    init(path: String, revision: String? = nil, adapter: String? = nil) {
        self.path = path
        self.revision = revision
        self.adapter = adapter
    }

    /// Reads mergekit's `PATH[@REVISION][+ADAPTER]`; `nil` where a separator is there twice or a part is empty.
    init?(_ text: String) {
        let parts = text.split(separator: "+", omittingEmptySubsequences: false)
        let model = parts[0].split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count <= 2, model.count <= 2, !model[0].isEmpty else { return nil }
        if parts.count == 2, parts[1].isEmpty { return nil }
        if model.count == 2, model[1].isEmpty { return nil }
        path = String(model[0])
        revision = model.count == 2 ? String(model[1]) : nil
        adapter = parts.count == 2 ? String(parts[1]) : nil
    }

    /// Why a text that `init` does not read names no model, and what to write.
    static func problem(of text: String) -> (message: String, remedy: String) {
        let parts = text.split(separator: "+", omittingEmptySubsequences: false)
        guard parts.count > 2, !parts.contains("") else {
            return ("'\(text.excerpt)' is no model's name", "write Org/Name, Org/Name@commit or a path")
        }
        return (
            "'\(text.excerpt)' names \(parts.count - 1) adapters for one model, and one can be applied",
            "list the model once with each, or merge all but one with peft's merge_and_unload; a path with + in it is "
                + "written {path: …}"
        )
    }

    /// As a config would write it.
    var text: String {
        path + (revision.map { "@" + $0 } ?? "") + (adapter.map { "+" + $0 } ?? "")
    }

    /// Whether the path can only be one of a file system: absolute, or with `.`, `..`, `~`, a variable, more than
    /// one slash or, on cards written on Windows, backslashes.
    var isLocalPath: Bool {
        guard let first = path.first else { return false }
        return "/.~".contains(first) || path.count { $0 == "/" } > 1 || path.hasSuffix("/")
            || path.contains("\\") || path.contains(":") || path.contains("$")
    }

    /// What a shell would have expanded: `~`, `~name`, or a variable, `$HOME` or `${HOME}`; `nil` for plain paths.
    var unexpandedStart: String? {
        if path.hasPrefix("~") { return String(path.prefix { $0 != "/" }) }
        guard let variable = path.firstIndex(of: "$") else { return nil }
        return String(path[variable...].prefix { $0 != "/" })
    }

    /// What reports and model cards call the model: its name, or a path's last component; of a path in Hugging
    /// Face's cache the name that it is cached for.
    var displayName: String {
        guard let adapter else { return modelName }
        return modelName + "+" + Self(path: adapter).modelName
    }

    private var modelName: String {
        guard isLocalPath else { return path }
        let parts = path.split { $0 == "/" || $0 == "\\" }
        if let entry = parts.last(where: { $0.hasPrefix("models--") }) {
            return String(entry.dropFirst(8)).replacing("--", with: "/", maxReplacements: 1)
        }
        return parts.last { ![".", "..", "~"].contains($0) }.map(String.init) ?? "model"
    }

    /// The model that a hub may have by this name; `nil` where none has.
    var hubModel: HubModel? { isHubName ? HubModel(name: path, revision: revision) : nil }

    /// Whether the name can be one of huggingface.co: `Org/Name`.
    var isHubName: Bool { !isLocalPath && path.count { $0 == "/" } == 1 }
}
