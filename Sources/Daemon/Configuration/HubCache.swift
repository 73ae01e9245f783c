import Glibc
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
            return Self.home(environment)?.pushing(FilePath(String(text.dropFirst(2))))
        }
        let caches = path("XDG_CACHE_HOME") ?? Self.home(environment)?.appending(".cache")
        let home = path("HF_HOME") ?? caches?.appending("huggingface")
        folder = path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? home?.appending("hub")
    }

    private static func home(_ environment: [String: String]) -> FilePath? {
        if let home = environment["HOME"], !home.isEmpty { return FilePath(home) }
        return getpwuid(geteuid()).flatMap { String(validatingCString: $0.pointee.pw_dir) }
            .map { FilePath($0) }
    }
}
