import StreamIO
import SystemPackage

/// The token that a hub knows its user by. It goes to the downloader in its environment, and nowhere else.
struct FetchToken: Sendable {
    /// What `LoadCredential=` calls the file.
    static let credential = "hf_token"
    /// What the unit has in its place where there is no such file.
    private static let none = "-"
    private static let sizeLimit = 4096

    /// `nil` for none: public models need none.
    private let text: String?

    /// The service manager's, else the environment's `HF_TOKEN`.
    init(_ environment: [String: String]) {
        var found = environment["HF_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        if let folder = environment["CREDENTIALS_DIRECTORY"],
            let bytes = try? FileSystem.readWhole(
                FilePath(folder).appending(Self.credential), limit: Self.sizeLimit)
        {
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            if !text.isEmpty, text != Self.none { found = text }
        }
        text = found
    }

    /// The environment of the downloader.
    func added(to environment: [String: String]) -> [String: String] {
        var environment = environment
        environment["HF_TOKEN"] = text
        return environment
    }

    /// A text without the token, whoever put it there.
    func removed(from text: String) -> String {
        guard let token = self.text, token.utf8.count >= 4 else { return text }
        return text.replacing(token, with: "***")
    }
}
