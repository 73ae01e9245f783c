import SystemPackage

/// Where Hugging Face's programs keep what they download, by their own variables.
struct HubCache: Hashable {
    /// `nil` for whoever has no home.
    let folder: FilePath?

    /// `HF_HUB_CACHE`, `HF_HOME/hub`, or `huggingface/hub` in the user's cache, as huggingface_hub has it.
    init(_ environment: [String: String]) {
        func path(_ variable: String) -> FilePath? {
            guard let text = environment[variable], !text.isEmpty else { return nil }
            guard text == "~" || text.hasPrefix("~/") else { return FilePath(text) }
            return UserFolders.home(environment)?.pushing(FilePath(String(text.dropFirst(2))))
        }
        let caches = path("XDG_CACHE_HOME") ?? UserFolders.home(environment)?.appending(".cache")
        let home = path("HF_HOME") ?? caches?.appending("huggingface")
        folder = path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? home?.appending("hub")
    }
}
