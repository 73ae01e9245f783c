import StreamIO

/// How a model calls the tensors that a base calls otherwise: one rule for the whole model, put together from what
/// `KnownNames` has.
///
/// Made only where a name is missing. What a part of the model is called is decided by the first tensor of it that is
/// found, and holds for all others.
struct ModelNaming {
    /// A beginning or an end of names, as the base and the model have it.
    struct Renaming: Hashable {
        var base: String
        var model: String
    }

    private let wrapper: Renaming
    /// The text model's beginning; `nil` where it is the same.
    private let body: Renaming?
    /// `body` as a report shows it.
    private let shownBody: Renaming?
    /// What the base's layers of text begin with: no part stands there.
    private let stack: Substring?
    /// What the model calls parts, by what the base calls them.
    private var parts: [Substring: String] = [:]
    /// What has found a tensor, in the order in which it first did.
    private(set) var used: [Renaming] = []

    init(of model: OpenModel, from base: OpenModel) {
        wrapper = Renaming(
            base: Self.wrapper(of: base.checkpoint), model: Self.wrapper(of: model.checkpoint))
        (body, shownBody) = Self.body(of: model, from: base, wrapper) ?? (nil, nil)
        let stack = base.mainStack?.dropFirst(wrapper.base.count)
        self.stack = stack.flatMap { NamePart.isTower(stack: String($0)) ? nil : $0 }
    }

    /// As a report has it: `model.* for the base's language_model.model.*`; `nil` where all names are the same.
    var text: String? {
        guard !used.isEmpty else { return nil }
        return used.map { renaming in
            let isEnding = KnownNames.endings.contains {
                [$0.old, $0.new].contains(renaming.base)
            }
            return isEnding
                ? "\(renaming.model) for \(renaming.base)" : "\(renaming.model)* for \(renaming.base)*"
        }.joined(separator: ", ")
    }

    /// The tensor that the base calls `name`, if the model has it under another name.
    mutating func tensor(named name: String, in checkpoint: Checkpoint) -> Checkpoint.Tensor? {
        let bare = String(name.dropFirst(wrapper.base.count))
        let isInLayer = stack.map { bare.hasPrefix($0) } ?? false
        if !isInLayer, let part = NamePart(bare) {
            let rest = bare[part.prefix.endIndex...]
            for prefix in parts[part.prefix].map({ [$0] }) ?? part.alternatives {
                guard let found = find(prefix + rest, checkpoint) else { continue }
                parts[part.prefix] = prefix
                note(Renaming(base: String(part.prefix), model: prefix))
                return found
            }
            return nil
        }
        if let body, bare.hasPrefix(body.base) {
            if let found = find(body.model + bare.dropFirst(body.base.count), checkpoint) {
                note(shownBody ?? body)
                return found
            }
        }
        return find(bare, checkpoint)
    }

    /// The tensor of that name, or of one with another end that means the same.
    private mutating func find(_ bare: String, _ checkpoint: Checkpoint) -> Checkpoint.Tensor? {
        let name = wrapper.model + bare
        if let found = checkpoint.tensor(named: name) {
            note(wrapper)
            return found
        }
        for ending in KnownNames.endings {
            for (base, model) in [(ending.old, ending.new), (ending.new, ending.old)]
            where name.hasSuffix(base) {
                guard let found = checkpoint.tensor(named: name.dropLast(base.count) + model) else {
                    continue
                }
                note(wrapper)
                note(Renaming(base: base, model: model))
                return found
            }
        }
        return nil
    }

    private mutating func note(_ renaming: Renaming) {
        if renaming.base != renaming.model, !used.contains(renaming) { used.append(renaming) }
    }

    // MARK: What is different

    /// What stands before every name of a checkpoint and is no part of its architecture.
    static func wrapper(of checkpoint: Checkpoint) -> String {
        let tensors = checkpoint.tensors
        guard !tensors.isEmpty else { return "" }
        let first = tensors.name(at: 0)
        var wrapper = ""
        while let next = KnownNames.wrappers.first(where: { first.dropFirst(wrapper.count).hasPrefix($0) }) {
            wrapper += next
        }
        guard !wrapper.isEmpty else { return "" }
        return tensors.indices.allSatisfy { tensors.name(at: $0).hasPrefix(wrapper) } ? wrapper : ""
    }

    /// What stands before the text models' names, from the stacks of layers: where they end alike, before that.
    private static func body(
        of model: OpenModel, from base: OpenModel, _ wrapper: Renaming
    ) -> (Renaming, shown: Renaming)? {
        guard let stack = base.mainStack?.dropFirst(wrapper.base.count) else { return nil }
        let ours = stack.split(separator: ".")
        var best: (common: Int, theirs: [Substring])?
        for candidate in model.stacks.keys.sorted() {
            let bare = candidate.dropFirst(wrapper.model.count)
            guard !NamePart.isTower(stack: String(bare)) else { continue }
            let theirs = bare.split(separator: ".")
            let common = zip(ours.reversed(), theirs.reversed()).prefix { $0 == $1 }.count
            let isMain = candidate == model.mainStack
            if common > best?.common ?? 0 || isMain && common == best?.common { best = (common, theirs) }
        }
        guard let (common, theirs) = best else { return nil }
        func joined(_ parts: some Sequence<Substring>) -> String { parts.map { $0 + "." }.joined() }
        let body = Renaming(base: joined(ours.dropLast(common)), model: joined(theirs.dropLast(common)))
        guard body.base != body.model,
            body.base.isEmpty || body.model.isEmpty
                || KnownNames.bodies.contains(body.base) && KnownNames.bodies.contains(body.model)
        else { return nil }
        // `model.layers.` is known by its `model.`.
        guard ours.dropFirst(ours.count - common).first == "model" else { return (body, body) }
        return (body, Renaming(base: body.base + "model.", model: body.model + "model."))
    }
}
