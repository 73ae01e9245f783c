import StreamIO

/// A tensor that is another one of the same model, stored a second time.
struct TiedCopy {
    /// What its name ends with.
    let ending: String
    /// What the names of those end with that it may be a copy of, the likeliest first.
    let originals: [String]
    /// Whether it is a head, which a config may untie.
    var isHead = false
    /// What is beside a head, by the ends of names: a model that has one has the head.
    var beside: [String] = []

    private static let all = [
        TiedCopy(
            ending: "shared.weight",
            originals: ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]),
        TiedCopy(
            ending: "encoder.embed_tokens.weight",
            originals: ["shared.weight", "decoder.embed_tokens.weight"]),
        TiedCopy(
            ending: "decoder.embed_tokens.weight",
            originals: ["shared.weight", "encoder.embed_tokens.weight", "proj_out.weight"]),
        TiedCopy(ending: "proj_out.weight", originals: ["decoder.embed_tokens.weight"]),
        TiedCopy(ending: "cls.predictions.bias", originals: ["cls.predictions.decoder.bias"]),
        TiedCopy(ending: "cls.predictions.decoder.bias", originals: ["cls.predictions.bias"]),
        TiedCopy(ending: "lm_head.bias", originals: ["lm_head.decoder.bias"]),
        TiedCopy(ending: "lm_head.decoder.bias", originals: ["lm_head.bias"]),
        TiedCopy(
            ending: "cls.predictions.decoder.weight", originals: ["embeddings.word_embeddings.weight"],
            isHead: true, beside: ["cls.predictions.bias", "cls.predictions.transform.dense.weight"]),
        TiedCopy(
            ending: "lm_head.decoder.weight", originals: ["embeddings.word_embeddings.weight"], isHead: true,
            beside: ["lm_head.dense.weight"]),
        TiedCopy(
            ending: "vocab_projector.weight", originals: ["embeddings.word_embeddings.weight"], isHead: true,
            beside: ["vocab_projector.bias", "vocab_transform.weight"]),
        TiedCopy(
            ending: "generator_lm_head.weight", originals: ["embeddings.word_embeddings.weight"],
            isHead: true,
            beside: ["generator_lm_head.bias", "generator_predictions.dense.weight"]),
    ]

    /// What a tensor of that name is a copy of; `nil` for one that is none.
    static func of(_ name: String) -> TiedCopy? { all.first { matches(name, $0.ending) } }

    /// What the head of a model is called that has a tensor of that name; `nil` where that is beside none.
    static func headName(beside name: String) -> String? {
        for copy in all {
            guard let end = copy.beside.first(where: { matches(name, $0) }) else { continue }
            return name.dropLast(end.utf8.count) + copy.ending
        }
        return nil
    }

    /// The tensor of a model that it would be a copy of there.
    func original(in model: OpenModel) -> Checkpoint.Tensor? {
        guard !isHead || model.profile.tiesHead else { return nil }
        return originals.lazy.compactMap { model.originals.place(endingIn: $0) }.first
            .map { model.checkpoint.tensors[$0] }
    }

    /// The tensors of a model that others may be copies of.
    struct Originals: Sendable {
        private static let endings = Set(all.flatMap(\.originals))
        private var places: [String: Int] = [:]

        /// Takes the next tensor of the model.
        mutating func note(_ name: String, at place: Int) {
            for ending in Self.endings where places[ending] == nil && matches(name, ending) {
                places[ending] = place
            }
        }

        /// The first tensor whose name ends so.
        func place(endingIn ending: String) -> Int? { places[ending] }
    }

    private static func matches(_ name: String, _ ending: String) -> Bool {
        name.hasSuffix(ending)
            && (name.utf8.count == ending.utf8.count
                || name.utf8.dropLast(ending.utf8.count).last == UInt8(ascii: "."))
    }
}
