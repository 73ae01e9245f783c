/// The names of a library's models, listed once for all that one config asks of them.
final class NameListing {
    /// What telling similar names apart may cost in the whole of one config, in pairs of bytes compared.
    static let comparisonLimit = 5_000_000

    /// A name, and how it is compared.
    struct Entry {
        var name: String
        /// Without case and separators: of the whole, and of the last component.
        var key: String
        var tail: String
    }

    private var entries: [Entry]?
    private var comparisons = 0

    /// The library's names, each once, in order; listed at the first call.
    func names(_ list: () -> [String]) -> [Entry] {
        if let entries { return entries }
        let found = Set(list()).sorted().map { name in
            Entry(
                name: name, key: ModelLibrary.key(name),
                tail: ModelLibrary.key(String(name.split(separator: "/").last ?? "")))
        }
        entries = found
        return found
    }

    /// Whether two names may still be compared.
    func mayCompare(_ left: String, _ right: String) -> Bool {
        comparisons += min(256, left.utf8.count) * min(256, right.utf8.count)
        return comparisons <= Self.comparisonLimit
    }
}
