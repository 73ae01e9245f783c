import SystemPackage

/// A file beside the shards of the output folder: configuration, tokenizer, model card, index.
public struct CompanionFile: Hashable, Sendable {
    /// Where its bytes come from.
    public enum Content: Hashable, Sendable {
        /// Written as it is, in UTF-8.
        case text(String)
        /// Copied as it is; streamed, as tokenizers reach tens of megabytes.
        case copy(of: FilePath)
        /// A copy of a `tokenizer.json` with more tokens; streamed, too.
        case tokenizer(ExtendedTokenizer)
        /// `OutputIndex` of the plan's shards.
        case index
    }

    /// The name in the output folder; may contain folders (`templates/chat.jinja`).
    public var name: String
    /// The bytes, or where they are.
    public var content: Content

    /// A file of that name and content.
    public init(name: String, content: Content) {
        self.name = name
        self.content = content
    }
}
