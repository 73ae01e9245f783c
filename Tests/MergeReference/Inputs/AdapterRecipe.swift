import Foundation

/// A LoRA adapter as a value, from which its folder is written and its base's tensors are adapted.
struct AdapterRecipe {
    enum Kind {
        case lora, dora, embedding, saved
    }

    /// What it has for one tensor.
    struct Part {
        var kind: Kind
        var rank: Int
        var type: StoredType
        var seed: UInt64
    }

    /// Of the folder below the models' folder.
    var name: String
    /// By what most call the tensor.
    var parts: [String: Part]
    /// What `adapter_config.json` says where no pattern and no tensor says otherwise.
    var rank: Int
    var alpha: Double
    /// Regular expressions of modules, the first that matches taken.
    var alphas: [(pattern: String, alpha: Double)] = []
    var usesRootOfRank = false
    var hasInputsFirst = false
    var isTorch = false
    var alignment: Int?
    /// Whether whole tensors are called as within peft.
    var namesCopies = false
    /// Whether its config leaves out what is as peft has it anyway.
    var isTerse = false
    /// Whether `rank_pattern` has regular expressions, and one for whatever they do not name.
    var hasRankExpressions = false

    /// What peft multiplies the product of a module's matrices with.
    private func scale(of module: String, rank: Int) -> Float {
        let own = alphas.first { pattern, _ in
            let whole = "^(.*\\.)?(\(pattern))$"
            return module.range(of: whole, options: .regularExpression) != nil
        }
        let alpha = own?.alpha ?? alpha
        return Float(usesRootOfRank ? alpha / Double(rank).squareRoot() : alpha / Double(rank))
    }

    private static func values(_ count: Int, _ part: Part, _ offset: UInt64, around middle: Double = 0)
        -> [Float]
    {
        var random = SeededRandom(seed: part.seed &+ offset)
        return (0..<count).map { _ in
            ReferenceFormat.round(Float(middle + random.normal() * 0.1), to: part.type)
        }
    }

    private static func rows(_ values: [Float], _ length: Int) -> [[Float]] {
        stride(from: 0, to: values.count, by: length).map { Array(values[$0..<$0 + length]) }
    }

    /// The matrices for a tensor of that shape.
    private func matrices(_ part: Part, _ module: String, shape: [Int]) -> ReferenceAdapter {
        // Of a square head nothing says that its inputs come first, but for what peft knows of heads.
        let isHead = shape[0] == shape[1] && (module.hasSuffix("lm_head") || module.hasSuffix("embed_out"))
        let isTransposed =
            part.kind == .embedding || hasInputsFirst && shape.count == 2 && !isHead
        // A convolution's matrix has a column for each input and place of the kernel.
        let columns = shape.dropFirst().reduce(1, *)
        let (outputs, inputs) = isTransposed ? (columns, shape[0]) : (shape[0], columns)
        return ReferenceAdapter(
            rank: part.rank, scale: scale(of: module, rank: part.rank),
            down: Self.rows(Self.values(part.rank * inputs, part, 1), inputs),
            up: Self.rows(Self.values(outputs * part.rank, part, 2), part.rank),
            hasInputsFirst: isTransposed,
            magnitude: part.kind == .dora ? Self.values(outputs, part, 3, around: 1) : nil)
    }

    private func part(of tensor: ModelRecipe.Tensor) -> Part? {
        guard let part = parts[tensor.name], tensor.type.isFloat else { return nil }
        // Nothing is added to what has no elements, or is no matrix.
        let isMatrix = tensor.shape.count >= 2 && !tensor.shape.contains(0)
        return part.kind == .saved || isMatrix ? part : nil
    }

    private func saved(_ tensor: ModelRecipe.Tensor, _ part: Part, as name: String) -> TensorFile.Tensor {
        let count = tensor.shape.reduce(1, *)
        return TensorFile.Tensor(
            name: name, type: part.type, shape: tensor.shape,
            bytes: ReferenceFormat.encode(Self.values(count, part, 4), as: part.type))
    }

    /// Whether it has something for any of the tensors.
    func fits(_ tensors: [ModelRecipe.Tensor]) -> Bool { tensors.contains { part(of: $0) != nil } }

    /// The tensor with what the adapter makes of it.
    func applied(
        to plain: TensorFile.Tensor, of tensor: ModelRecipe.Tensor, called name: String
    ) -> TensorFile.Tensor {
        guard let part = part(of: tensor) else { return plain }
        if part.kind == .saved { return saved(tensor, part, as: plain.name) }
        var adapted = plain
        let matrix = Self.rows(plain.values, tensor.shape.dropFirst().reduce(1, *))
        adapted.exact = Array(
            matrices(part, Self.module(name), shape: tensor.shape).applied(to: matrix).joined())
        return adapted
    }

    private static func module(_ name: String) -> String {
        name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
    }

    /// Writes the folder.
    ///
    /// - Parameter called: what the base's files call a tensor.
    func write(for tensors: [ModelRecipe.Tensor], called: (String) -> String, below root: String) throws {
        var file: [TensorFile.Tensor] = []
        for tensor in tensors {
            guard let part = part(of: tensor) else { continue }
            let name = called(tensor.name)
            let start = "base_model.model."
            guard part.kind != .saved else {
                var place = start + name
                if namesCopies, let dot = name.lastIndex(of: ".") {
                    // Biases alone are trained in layers that are adapted.
                    let inside = name.hasSuffix(".bias") ? "base_layer" : "modules_to_save.default"
                    place = "\(start)\(name[..<dot]).\(inside)\(name[dot...])"
                }
                file.append(saved(tensor, part, as: place))
                continue
            }
            let module = Self.module(name)
            let own = matrices(part, module, shape: tensor.shape)
            func add(_ suffix: String, _ values: [Float], _ shape: [Int], _ type: StoredType) {
                file.append(
                    TensorFile.Tensor(
                        name: "\(start)\(module).\(suffix)", type: type, shape: shape,
                        bytes: ReferenceFormat.encode(values, as: type)))
            }
            let isEmbedding = part.kind == .embedding
            add(
                isEmbedding ? "lora_embedding_A" : "lora_A.weight", Array(own.down.joined()),
                tensor.shape.count == 2
                    ? [part.rank, own.down[0].count] : [part.rank] + tensor.shape.dropFirst(), part.type)
            add(
                isEmbedding ? "lora_embedding_B" : "lora_B.weight", Array(own.up.joined()),
                [own.up.count, part.rank] + tensor.shape.dropFirst(2).map { _ in 1 }, part.type)
            if let magnitude = own.magnitude {
                add("lora_magnitude_vector", magnitude, [magnitude.count], part.type)
            }
        }
        let folder = root + "/" + name
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let bytes =
            isTorch
            ? TorchFile(tensors: file).encoded() : TensorFile.encoded(file, alignment: alignment)
        try CheckpointFolder.write(
            bytes, to: folder + "/adapter_model." + (isTorch ? "bin" : "safetensors"))
        try CheckpointFolder.write(
            Array(config(for: tensors, called: called).utf8), to: folder + "/adapter_config.json")
    }

    /// The text of `adapter_config.json`.
    private func config(for tensors: [ModelRecipe.Tensor], called: (String) -> String) -> String {
        var ranks: [String] = [], kinds: [Kind] = []
        for tensor in tensors {
            guard let part = part(of: tensor), part.kind != .saved else { continue }
            kinds.append(part.kind)
            if isTerse, part.rank == rank { continue }
            let module = Self.module(called(tensor.name))
            // A name is the end of others, too.
            let isEnd = tensors.contains { Self.module(called($0.name)).hasSuffix("." + module) }
            let key = hasRankExpressions || isEnd ? "^" + module.replacing(".", with: "\\\\.") + "$" : module
            ranks.append("\"\(key)\": \(part.rank)")
        }
        if hasRankExpressions, !isTerse { ranks.append("\".*\": 999") }
        let patterns = alphas.map { "\"\($0.pattern.replacing("\\", with: "\\\\"))\": \($0.alpha)" }
        var entries = [
            ("peft_type", "\"LORA\"", ""), ("r", "\(rank)", "8"), ("lora_alpha", "\(alpha)", "8.0"),
            ("use_rslora", "\(usesRootOfRank)", "false"), ("fan_in_fan_out", "\(hasInputsFirst)", "false"),
            ("target_modules", "\"all-linear\"", ""), ("bias", "\"none\"", "\"none\""),
            ("use_dora", "\(!kinds.isEmpty && kinds.allSatisfy { $0 == .dora })", "false"),
            ("rank_pattern", "{\(ranks.joined(separator: ", "))}", "{}"),
            ("alpha_pattern", "{\(patterns.joined(separator: ", "))}", "{}"),
        ]
        if isTerse { entries.removeAll { $0.1 == $0.2 } }
        return "{" + entries.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
    }
}
