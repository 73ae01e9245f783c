import StreamIO

/// What a hub has of a model at one commit.
struct HubListing: Hashable, Sendable {
    /// Files of a model, at most.
    static let fileLimit = 20_000

    let commit: String
    let files: [HubFile]

    /// The commit that `hf models info --format json` tells; `nil` where it tells none.
    static func commit(in text: [UInt8]) -> String? {
        guard let json = document(in: text), let sha = json["sha"]?.stringValue, isCommit(sha) else {
            return nil
        }
        return sha
    }

    /// Reads what `hf models list --format json` prints; `nil` for anything else.
    init?(commit: String, _ text: [UInt8]) {
        guard let entries = Self.document(in: text)?.arrayValue, entries.count <= Self.fileLimit else {
            return nil
        }
        self.commit = commit
        files = entries.compactMap { HubFile($0) }
    }

    private static func document(in text: [UInt8]) -> JSON? { try? JSON(parsing: text) }

    private static func isCommit(_ text: String) -> Bool {
        (7...64).contains(text.utf8.count) && text.allSatisfy { $0.isHexDigit && $0.isASCII }
    }
}
