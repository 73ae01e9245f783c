/// A part of a multimodal model, or a head, that a tensor's name begins with: `model.vision_tower.vision_model`.
struct NamePart {
    enum Kind {
        /// A tower for pictures or sound, or what joins one to the text model.
        case tower
        /// A language model's head.
        case head
    }

    /// Components of a name that are looked at.
    private static let depth = 3

    let kind: Kind
    /// The name up to the part's end, without a dot after it.
    let prefix: Substring
    /// What the part may be called, `prefix` too.
    let alternatives: [String]

    /// `nil` for a name of the text model itself.
    init?(_ name: String) {
        var start = name.startIndex
        for _ in 0..<Self.depth {
            let end = name[start...].firstIndex(of: ".") ?? name.endIndex
            let component = name[start..<end]
            if KnownNames.heads.contains(component) {
                kind = .head
                prefix = name[..<end]
                alternatives = KnownNames.headPlaces.map { $0 + component }
                return
            }
            if Self.isTower(component) {
                kind = .tower
                let rest = name[end...]
                let ownClass = KnownNames.partClasses.dropFirst().first { rest.hasPrefix($0 + ".") } ?? ""
                prefix = name[..<(name.index(end, offsetBy: ownClass.count))]
                alternatives = KnownNames.partClasses.flatMap { inner in
                    KnownNames.partPlaces.map { $0 + component + inner }
                }
                return
            }
            // Layers of the text model lie deeper than any part.
            guard end < name.endIndex, !Self.isContainer(component) else { return nil }
            start = name.index(after: end)
        }
        return nil
    }

    /// Whether a stack of layers is a tower's.
    static func isTower(stack: String) -> Bool { NamePart(stack)?.kind == .tower }

    private static func isTower(_ component: Substring) -> Bool {
        KnownNames.parts.contains(component)
            || KnownNames.partWords.contains { String(component).containsText($0) }
    }

    private static func isContainer(_ component: Substring) -> Bool {
        ["layers", "layer", "h", "blocks", "block"].contains(component)
    }
}
