import Glibc
import SystemPackage

/// Where a user's programs keep what is theirs, by XDG's variables.
struct UserFolders: Hashable, Sendable {
    let configuration: FilePath
    let state: FilePath

    /// `nil` for whoever has no home.
    init?(_ environment: [String: String]) {
        func folder(_ variable: String, _ usual: String) -> FilePath? {
            // One that is not absolute does not count.
            if let text = environment[variable], text.hasPrefix("/") { return FilePath(text) }
            return Self.home(environment)?.pushing(FilePath(usual))
        }
        guard let configuration = folder("XDG_CONFIG_HOME", ".config"),
            let state = folder("XDG_STATE_HOME", ".local/state")
        else { return nil }
        (self.configuration, self.state) = (configuration, state)
    }

    /// The user's home: `HOME`, else the user database's.
    static func home(_ environment: [String: String]) -> FilePath? {
        if let home = environment["HOME"], !home.isEmpty { return FilePath(home) }
        return getpwuid(geteuid()).flatMap { String(validatingCString: $0.pointee.pw_dir) }
            .map { FilePath($0) }
    }
}
