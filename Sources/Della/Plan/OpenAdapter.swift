import StreamIO
import SystemPackage

/// An adapter of a model, opened: which of its tensors belong to which of the base's. Headers only.
struct OpenAdapter: Sendable {
    private static let fileName = "adapter_model.safetensors", torchName = "adapter_model.bin"
    /// Bytes of memory that the tensors of one may take: some fifty thousand tensors, where adapters have a thousand.
    private static let memoryLimit: UInt64 = 8 << 20

    /// What is added to one tensor of the base, as tensors of the adapter's file.
    struct Part: Sendable {
        var down: Checkpoint.Tensor
        var up: Checkpoint.Tensor
        var magnitude: Checkpoint.Tensor?
        var rank: Int
        var scale: Float
        var isTransposed: Bool
    }

    let folder: FilePath
    let shard: Checkpoint.Shard
    /// By the base's names.
    private(set) var parts: [String: Part] = [:]
    /// Tensors that take the place of the base's, by the base's names.
    private(set) var saved: [String: Checkpoint.Tensor] = [:]
    /// A module whose magnitudes are applied though the config has no `use_dora`: peft leaves them out.
    private(set) var unannounced: String?
    /// Tokens of the tokenizer in its folder, where those are more than its model's has.
    var tokenCount: Int?

    /// One module's tensors, as they are found.
    struct Module {
        var down: Checkpoint.Tensor?
        var up: Checkpoint.Tensor?
        var magnitude: Checkpoint.Tensor?
        var isEmbedding = false
    }

    /// Opens a folder.
    ///
    /// - Parameter base: the model that the adapter is of, whose tensors must fit.
    init(
        opening folder: FilePath, of base: Checkpoint, in folders: ReadableFolders,
        isStopped: @escaping () -> Bool
    ) throws(AdapterProblem) {
        self.folder = folder
        let config = try AdapterConfig(folder: folder, in: folders)
        let file = try Self.open(folder, in: folders, isStopped: isStopped)
        let path = file.shard.path
        shard = file.shard
        let names = AdapterNames(of: base)
        var modules: [String: Module] = [:]
        for var tensor in file.tensors where !isStopped() {
            // Past the base's own files.
            tensor.shard = base.shards.count
            try add(tensor, to: &modules, base, names, path)
        }
        let ordered = modules.sorted { $0.key < $1.key }.map { name, module in
            (name: name, module: module, tensor: Self.tensor(of: name, in: base, names))
        }
        var orientation = LayerOrientation(isUsual: config.hasInputsFirst)
        for (name, module, tensor) in ordered where !module.isEmbedding {
            if let tensor { orientation.note(module, of: name, on: tensor) }
        }
        for (name, module, tensor) in ordered {
            try add(module, of: name, on: tensor, config, orientation, base, path)
        }
        guard !parts.isEmpty || !saved.isEmpty else {
            throw AdapterProblem("\(path): holds no tensor of an adapter", "download it again")
        }
    }

    /// Opens the adapter's file: safetensors, or where there is none what `torch.save` wrote.
    private static func open(
        _ folder: FilePath, in folders: ReadableFolders, isStopped: @escaping () -> Bool
    ) throws(AdapterProblem) -> ShardTensors {
        func isThere(_ name: String) -> Bool { ((try? folders.status(folder.appending(name))) ?? nil) != nil }
        let isTorch = !isThere(fileName) && isThere(torchName)
        let path = folder.appending(isTorch ? torchName : fileName)
        do throws(CheckpointError) {
            return try ShardTensors(
                reading: path, of: isTorch ? .torch : .safetensors, in: folders, room: memoryLimit,
                isStopped: isStopped)
        } catch {
            throw AdapterProblem("\(path): \(error.problem)", error.remedy, isMissing: error.isMissingInput)
        }
    }

    /// What it does, for reports: `added to 14 tensors, rank 8; 1 replaced`.
    var summary: String {
        let ranks = Set(parts.values.map(\.rank)).sorted().map { "\($0)" }.joined(separator: ", ")
        let added = "added to \(parts.count) \(parts.count == 1 ? "tensor" : "tensors"), rank \(ranks)"
        let texts = (parts.isEmpty ? [] : [added]) + (saved.isEmpty ? [] : ["\(saved.count) replaced"])
        return texts.joined(separator: "; ")
    }

    /// What the file's tensors are called for one module: `…q_proj.lora_A.weight`.
    private mutating func add(
        _ tensor: Checkpoint.Tensor, to modules: inout [String: Module], _ base: Checkpoint,
        _ names: AdapterNames, _ path: FilePath
    ) throws(AdapterProblem) {
        var name = tensor.name[...]
        if name.hasPrefix("base_model.model.") { name = name.dropFirst("base_model.model.".utf8.count) }
        if name.hasSuffix(".weight"), String(name).containsText(".lora_") {
            name = name.dropLast(".weight".utf8.count)
        }
        if name.hasSuffix(".default") { name = name.dropLast(".default".utf8.count) }
        func module(_ suffix: String) -> String? {
            name.hasSuffix(suffix) ? String(name.dropLast(suffix.utf8.count)) : nil
        }
        if let module = module(".lora_A") {
            modules[module, default: Module()].down = tensor
        } else if let module = module(".lora_B") {
            modules[module, default: Module()].up = tensor
        } else if let module = module(".lora_embedding_A") {
            modules[module, default: Module()].down = tensor
            modules[module]?.isEmbedding = true
        } else if let module = module(".lora_embedding_B") {
            modules[module, default: Module()].up = tensor
            modules[module]?.isEmbedding = true
        } else if let module = module(".lora_magnitude_vector") {
            modules[module, default: Module()].magnitude = tensor
        } else if String(tensor.name).containsText(".base_layer."), !name.hasSuffix(".bias") {
            // The base's own, saved along; only biases were trained there.
            return
        } else if String(tensor.name).containsText(".original_module.") {
            // Of a module that is saved whole the base's own one.
            return
        } else {
            let plain = String(name).replacing(".modules_to_save.default.", with: ".").replacing(
                ".modules_to_save.", with: "."
            ).replacing(".base_layer.", with: ".")
            guard let own = names.name(plain), let replaced = base.tensor(named: own) else {
                throw misfit(tensor, path, base)
            }
            try Self.check(tensor, inPlaceOf: replaced, path)
            saved[own] = tensor
        }
    }

    private mutating func add(
        _ module: Module, of name: String, on tensor: Checkpoint.Tensor?, _ config: AdapterConfig,
        _ orientation: LayerOrientation, _ base: Checkpoint, _ path: FilePath
    ) throws(AdapterProblem) {
        guard let down = module.down, let up = module.up else {
            throw AdapterProblem(
                "\(path): \(name) has only one of lora_A and lora_B", "download it again")
        }
        guard let tensor else { throw misfit(down, path, base) }
        let isTransposed =
            tensor.shape.count == 2
            && (module.isEmbedding || orientation.isInputsFirst(module, of: name, on: tensor, in: base))
        let rank = try Self.rank(
            of: module, down, up, name, on: tensor, isTransposed: isTransposed, config, path)
        try Self.checkTypes([down, up, module.magnitude], on: tensor, path)
        let scale = config.scale(of: name, rank: Double(rank))
        guard scale.isFinite else {
            throw AdapterProblem("\(path): the scale of \(name) is no number in float32", "download it again")
        }
        if module.magnitude != nil, !config.usesMagnitudes { unannounced = unannounced ?? name }
        parts[tensor.name] = Part(
            down: down, up: up, magnitude: module.magnitude, rank: rank, scale: scale,
            isTransposed: isTransposed)
    }

    /// The base's tensor that a module has.
    private static func tensor(
        of module: String, in base: Checkpoint, _ names: AdapterNames
    ) -> Checkpoint.Tensor? {
        (names.name(module + ".weight") ?? names.name(module)).flatMap { base.tensor(named: $0) }
    }

    private func misfit(
        _ tensor: Checkpoint.Tensor, _ path: FilePath, _ base: Checkpoint
    ) -> AdapterProblem {
        let isHead = KnownNames.heads.union(["predictions.decoder", "proj_out"]).contains {
            tensor.name.containsText("\($0).")
        }
        if isHead, !base.tensors.contains(where: { OpenModel.isHead($0.name) }) {
            return AdapterProblem(
                "\(path): \(tensor.name) is of a head, and the base's head is its embedding",
                AdapterConfig.mergeRemedy)
        }
        return AdapterProblem(
            "\(path): \(tensor.name) fits no tensor of the base",
            "name the model that the adapter was made for")
    }
}
