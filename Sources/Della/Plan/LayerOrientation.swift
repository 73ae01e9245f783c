import StreamIO

/// Which layers of an adapter keep their inputs first, as the Conv1D of transformers does.
///
/// Source: peft's `dispatch_default`, which goes by a layer's class. `fan_in_fan_out` it sets anew at every layer that it
/// adapts, so that a config has what was true of the last one: of GPT-2's head, where that is adapted too.
struct LayerOrientation {
    /// By what names have before a layer's number.
    private var stacks: [Substring: Bool] = [:]
    private let isUsual: Bool

    /// - Parameter isUsual: where no shape says it: what the config says.
    init(isUsual: Bool) { self.isUsual = isUsual }

    /// Takes a module's shapes into account; those of a square one say nothing, nor do those that fit in no way.
    mutating func note(_ module: OpenAdapter.Module, of name: String, on tensor: Checkpoint.Tensor) {
        guard let isInputsFirst = Self.byShape(module, tensor) else { return }
        stacks[Self.stack(name)] = isInputsFirst
    }

    /// Whether the base's tensor of a module has a row for each input.
    func isInputsFirst(
        _ module: OpenAdapter.Module, of name: String, on tensor: Checkpoint.Tensor, in base: Checkpoint
    ) -> Bool {
        if let isInputsFirst = Self.byShape(module, tensor) { return isInputsFirst }
        if OpenModel.isHead(tensor.name) { return false }
        return stacks[Self.stack(name)] ?? Self.bySibling(tensor, in: base) ?? ofAll ?? isUsual
    }

    /// What all that say something say.
    private var ofAll: Bool? {
        stacks.values.first.flatMap { first in stacks.values.allSatisfy { $0 == first } ? first : nil }
    }

    private static func byShape(_ module: OpenAdapter.Module, _ tensor: Checkpoint.Tensor) -> Bool? {
        guard let down = module.down?.shape, let up = module.up?.shape, down.count == 2, up.count == 2,
            tensor.shape.count == 2
        else { return nil }
        let product = [up[0], down[1]]
        guard product != product.reversed() else { return nil }
        return product == tensor.shape ? false : product == tensor.shape.reversed() ? true : nil
    }

    /// Of the square matrix of GPT-2's attention: the other one gives three outputs for each input.
    private static func bySibling(_ tensor: Checkpoint.Tensor, in base: Checkpoint) -> Bool? {
        let ending = ".c_proj.weight"
        guard tensor.name.hasSuffix(ending),
            let shape = base.tensor(named: tensor.name.dropLast(ending.utf8.count) + ".c_attn.weight")?.shape,
            shape.count == 2, shape[0] != shape[1]
        else { return nil }
        return shape[1] > shape[0]
    }

    private static func stack(_ name: String) -> Substring {
        var end = name.startIndex
        for part in name.split(separator: ".") {
            if part.allSatisfy(\.isNumber) { break }
            end = part.endIndex
        }
        return name[..<end]
    }
}
