/// How a model's files call tensors that most call `model.layers.0.…` and `lm_head.weight`.
enum NameStyle: Equatable {
    case plain
    /// Without what most have in front.
    case bare(stem: String)
    /// With something more in front of every name, as training programs save them.
    case wrapped(String)
    /// As the text model of a multimodal one.
    case inner(body: String, head: String)

    static let inners: [NameStyle] = [
        .inner(body: "language_model.model.", head: "language_model.lm_head."),
        .inner(body: "model.language_model.", head: "lm_head."),
    ]
    static let wrappers = ["module.", "_orig_mod.", "base_model.model.", "module._orig_mod."]

    /// What most call the text model's tensors, in front.
    private static let usual = "model."
    private static let head = "lm_head."

    /// What the files call a tensor.
    func called(_ name: String) -> String {
        switch self {
        case .plain: name
        case .bare(let stem): Self.replaced(name, stem, "")
        case .wrapped(let wrapper): wrapper + name
        case .inner(let body, let head):
            name.hasPrefix(Self.head)
                ? Self.replaced(name, Self.head, head) : Self.replaced(name, Self.usual, body)
        }
    }

    /// What most call the tensor that the files call so.
    func meant(_ name: String) -> String {
        switch self {
        case .plain: name
        case .bare(let stem):
            name.hasPrefix(Self.head) || name.hasPrefix("extra.") ? name : stem + name
        case .wrapped(let wrapper): Self.replaced(name, wrapper, "")
        case .inner(let body, let head):
            name.hasPrefix(head)
                ? Self.replaced(name, head, Self.head) : Self.replaced(name, body, Self.usual)
        }
    }

    private static func replaced(_ name: String, _ old: String, _ new: String) -> String {
        name.hasPrefix(old) ? new + name.dropFirst(old.count) : name
    }
}
