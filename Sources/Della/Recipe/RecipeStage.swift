import StreamIO

/// One merge of a recipe: a document of its config.
struct RecipeStage: Sendable {
    /// What others call what it makes; `nil` for a result without a name.
    var name: String?
    /// Where its name stands, or its document begins.
    var line: Int
    var document: RecipeDocument
    /// The stages that it merges, in the order of the config, each once.
    var uses: [String]
    /// All stages that it was made from, those of its stages too.
    var needs: Set<String> = []
    /// Whether what it makes is published beside the result.
    var isKept: Bool
    /// Whether it makes what the recipe is for.
    var isResult = false
    /// The documents that it is made by, as one text.
    var recipeText: [UInt8] = []

    /// What messages call it.
    var title: String { name ?? "the result" }

    /// What a name may be, for those who chose another: it is a folder's.
    static let nameRule =
        "it becomes a folder's: write A-Z a-z 0-9 . _ -, at most \(nameLimit) characters, the first of them no dot"
    /// Bytes of a name, at most: a model's name is written before it.
    static let nameLimit = 100

    /// Whether a stage may be called that.
    static func isName(_ text: String) -> Bool {
        (1...nameLimit).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: ".")
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "._-".utf8.contains(byte)
            }
    }
}
