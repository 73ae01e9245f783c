import SystemPackage

/// Where Hugging Face's programs keep what they download, by their own variables.
struct HubCache: Hashable {
    /// `nil` for whoever has no home.
    let folder: FilePath?

    /// `HF_HUB_CACHE`, `HF_HOME/hub`, or `huggingface/hub` in the user's cache, as huggingface_hub has it.
    init(_ environment: [String: String]) {
        func path(_ variable: String) -> FilePath? {
            guard let text = environment[variable], !text.isEmpty else { return nil }
            guard text == "~" || text.hasPrefix("~/") else {
                return FilePath(Self.expanded(text, environment))
            }
            return UserFolders.home(environment)?.pushing(
                FilePath(Self.expanded(String(text.dropFirst(2)), environment)))
        }
        let caches = path("XDG_CACHE_HOME") ?? UserFolders.home(environment)?.appending(".cache")
        let home = path("HF_HOME") ?? caches?.appending("huggingface")
        folder = path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? home?.appending("hub")
    }

    /// Puts the values of `$NAME` and `${NAME}` in, as Python's `os.path.expandvars`: once, and what is not set stays.
    private static func expanded(_ text: String, _ environment: [String: String]) -> String {
        var result = ""
        var rest = text.unicodeScalars[...]
        while let sign = rest.firstIndex(of: "$") {
            result.unicodeScalars += rest[..<sign]
            let after = rest[rest.index(after: sign)...]
            let isBraced = after.first == "{"
            let body = isBraced ? after.dropFirst() : after
            let name = body.prefix { isBraced ? $0 != "}" : isNamed($0) }
            let isWhole = !isBraced || name.endIndex < body.endIndex
            let end =
                isBraced ? (isWhole ? body.index(after: name.endIndex) : body.startIndex) : name.endIndex
            if isWhole, let value = environment[String(name)] {
                result += value
            } else {
                result.unicodeScalars += rest[sign..<end]
            }
            rest = rest[end...]
        }
        result.unicodeScalars += rest
        return result
    }

    private static func isNamed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        default: false
        }
    }
}
