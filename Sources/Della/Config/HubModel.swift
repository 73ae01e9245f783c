/// A model that a hub may have, as huggingface.co names them: `ORG/NAME`, and the revision that is wanted.
///
/// A name is taken only where it can be nothing else, an option or a path, whoever it is handed to.
public struct HubModel: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Bytes of a name, at most: the Hub's own limit.
    public static let nameLimit = 96
    /// Bytes of a revision, at most.
    public static let revisionLimit = 100
    /// What a model without a revision is taken at.
    public static let mainRevision = "main"

    /// `ORG/NAME`.
    public let name: String
    /// A branch, a tag or a commit; `nil` for the hub's main one.
    public let revision: String?

    /// `nil` for what no hub has.
    public init?(name: String, revision: String? = nil) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, name.utf8.count <= Self.nameLimit, parts.allSatisfy(Self.isFit),
            !name.contains("--")
        else { return nil }
        if let revision {
            let parts = revision.split(separator: "/", omittingEmptySubsequences: false)
            guard revision.utf8.count <= Self.revisionLimit, parts.allSatisfy(Self.isFit) else { return nil }
        }
        (self.name, self.revision) = (name, revision)
    }

    /// Reads `ORG/NAME` or `ORG/NAME@REVISION`; `nil` for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        self.init(name: String(parts[0]), revision: parts.count > 1 ? String(parts[1]) : nil)
    }

    private static func isFit(_ part: Substring) -> Bool {
        guard let first = part.first, first != ".", first != "-", !part.contains("..") else { return false }
        return part.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                || "-_.".unicodeScalars.contains(scalar)
        }
    }

    /// As a config writes it.
    public var description: String { name + (revision.map { "@" + $0 } ?? "") }

    /// A name for files of it; no two models have one.
    public var fileName: String {
        name.replacing("/", with: "--") + (revision.map { "@" + $0.replacing("/", with: "~") } ?? "")
    }

    /// By what they are written as.
    public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}
