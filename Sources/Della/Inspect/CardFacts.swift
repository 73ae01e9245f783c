import StreamIO
import SystemPackage

/// What a model's card, `README.md`, says between its first two lines of dashes.
struct CardFacts {
    /// Bytes of a card that are looked at.
    private static let byteLimit = 64 << 10
    /// Models that it may be made from.
    private static let modelLimit = 20

    /// The licence, by its name where it is none of the Hub's.
    private(set) var licence: String?
    private(set) var madeFrom: [String] = []

    init(in folder: FilePath, readable: ReadableFolders) {
        guard let file = try? readable.open(folder.appending("README.md")),
            let bytes = try? file.read(upTo: Self.byteLimit, at: 0)
        else { return }
        let lines = String(decoding: bytes, as: UTF8.self)
            .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard lines.first?.trimmed == "---",
            let end = lines.dropFirst().firstIndex(where: { $0.trimmed == "---" })
        else { return }
        var problems = ProblemList()
        let head = lines[1..<end].joined(separator: "\n")
        guard case .mapping(let pairs)? = YAMLReader.read(Array(head.utf8), into: &problems)?.value else {
            return
        }
        func value(_ key: String) -> YAMLNode? { pairs.first { $0.key == key }?.value }
        licence = value("license")?.text ?? Self.texts(value("license")).first
        if licence == "other" { licence = value("license_name")?.text ?? licence }
        madeFrom = Self.texts(value("base_model"))
    }

    /// One text, or a list of them.
    private static func texts(_ node: YAMLNode?) -> [String] {
        guard let node else { return [] }
        if case .sequence(let items) = node.value { return items.prefix(modelLimit).compactMap(\.text) }
        return [node.text].compactMap(\.self)
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
