/// A key that configs on model cards have and that changes nothing: releases of mergekit read it once, or none did.
struct UnreadKey: Sendable {
    /// What a key stands in.
    enum Place: Sendable { case top, parameters, slice, model }

    let name: String
    let places: Set<Place>
    /// How the sentence goes on that says that it changes nothing.
    let rest: String

    /// Every such key.
    private static let all = [
        UnreadKey(
            name: "embed_slerp", places: [.top, .parameters],
            rest: ": mergekit reads it no more, and merges embeddings by the method as all else"),
        UnreadKey(
            name: "random_seed", places: [.top],
            rest: ": mergekit has it as an option of its command: write dellad: {seed: N}, or --seed N"),
        UnreadKey(name: "residual_weight", places: [.slice], rest: ", in mergekit as here"),
        UnreadKey(
            name: "override_architecture", places: [.model], rest: ": names and shapes decide here"),
    ]

    /// What a warning says of a key that changes nothing there; `nil` for any other.
    static func warning(_ name: String, in place: Place) -> String? {
        all.first { $0.name == name && $0.places.contains(place) }
            .map { "\(name) changes nothing\($0.rest)" }
    }
}
