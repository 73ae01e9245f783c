import StreamIO
import SystemPackage

@testable import Della
@testable import MergeReference

/// A merge of random checkpoints in a temporary folder, planned without a config.
///
/// The checkpoints' data begins at odd bytes, or where it is told to in a page, and each has its tensors in an order of
/// its own.
final class PlannedMerge {
    /// A tensor of the test's models.
    struct Tensor {
        var name: String
        var shape: [Int]
        var types: [ElementType]
        var format = FloatFormat.bfloat16
        var output: FloatFormat?
        /// Of a DELLA of all models, where there is no other rule.
        var densities: [Double] = []
        var rescale = true
        var normalize = false
        var lambda = 0.85
        /// What is computed of `inputs`.
        var rule: MergeRule?
        /// Numbers of models; 0 is the base. All but the base where it is `nil`.
        var inputs: [Int]?
        /// Whether the rule takes differences from the base.
        var hasReference = true
        /// Whether the base's bytes are copied, as those of integers always are.
        var isCopied = false
        /// The values; uniform ones where it is `nil`.
        var values: RowValues?
    }

    let folder: FilePath
    let modelCount: Int
    private(set) var plan: MergePlan
    private var random: SeededRandom
    private let dataStart: Int?

    /// - Parameter dataStart: where in a page of 4096 bytes the checkpoints' data begins.
    init(
        _ tensors: [Tensor], modelCount: Int, seed: UInt64, shardBytes: UInt64 = .max, dataStart: Int? = nil
    ) throws {
        random = SeededRandom(seed: seed)
        self.dataStart = dataStart
        folder = try TemporaryFolder.create()
        self.modelCount = modelCount
        plan = MergePlan(method: .della, seed: seed, inputs: [], shards: [])
        plan.modelNames = (0...modelCount).map { "model-\($0)" }
        var contents: [String: [[UInt8]]] = [:]
        for tensor in tensors { contents[tensor.name] = values(tensor) }
        var places: [[String: InputTensor]] = []
        for model in 0...modelCount {
            places.append(try writeCheckpoint(model, tensors.shuffled(using: &random), contents))
        }
        plan.shards = Self.shards(tensors, places, shardBytes: shardBytes)
    }

    deinit { try? FileSystem.removeTree(folder) }

    /// Merges into `name` and returns the bytes of every shard.
    func merge(
        into name: String, memory: UInt64, threads: Int = 2, engine: IOEngineKind = .uring,
        progress: MergeProgress = MergeProgress(), stop: StopRequest = StopRequest(), trace: FilePath? = nil,
        isMemoryQuick: Bool? = nil, level: SIMDLevel? = nil
    ) throws -> [[UInt8]] {
        _ = try run(
            name, memory: memory, threads: threads, engine: engine, trace: trace,
            isMemoryQuick: isMemoryQuick, level: level
        )
        .perform(progress: progress, stop: stop)
        return try output(name)
    }

    func run(
        _ name: String, memory: UInt64, threads: Int = 2, engine: IOEngineKind = .uring, sha256: Bool = false,
        trace: FilePath? = nil, isMemoryQuick: Bool? = nil, level: SIMDLevel? = nil, config: String = "test",
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) -> MergeRun {
        var options = MergeOptions(
            memory: memory, threads: threads, engine: engine, sha256: sha256, level: level, trace: trace)
        options.isMemoryQuick = isMemoryQuick
        return MergeRun(
            plan: plan, configText: Array(config.utf8), output: folder.appending(name), options: options,
            report: report)
    }

    func output(_ name: String) throws -> [[UInt8]] {
        try plan.shards.map {
            try FileSystem.readWhole(folder.appending(name).appending($0.fileName), limit: 1 << 30)
        }
    }

    /// What `dellad.json` says was found of whole tensors.
    func recordedConstants(_ name: String) throws -> JSONObject {
        let path = folder.appending(name).appending("dellad.json")
        return try JSON(parsing: FileSystem.readWhole(path, limit: 1 << 24))["constants"]?.objectValue
            ?? JSONObject()
    }

    /// What the shards must hold, by the reference.
    func reference() throws -> [[UInt8]] {
        let files = try plan.inputs.map { try FileSystem.readWhole($0.path, limit: 1 << 30) }
        func bytes(_ input: InputTensor) -> [UInt8] {
            Array(files[input.file][Int(input.offset)..<Int(input.offset + input.byteCount)])
        }
        return plan.shards.map { shard in
            shard.header
                + shard.tensors.flatMap { tensor -> [UInt8] in
                    switch tensor.source {
                    case .copy(let input): bytes(input)
                    case .merge(let merge): reference(tensor, merge, bytes)
                    }
                }
        }
    }

    private func reference(
        _ tensor: OutputTensor, _ merge: TensorMerge, _ bytes: (InputTensor) -> [UInt8]
    ) -> [UInt8] {
        if SelectionReference.isFor(merge.rule), let base = merge.reference {
            let reference = SelectionReference(
                name: tensor.name, shape: tensor.shape, format: merge.format, seed: plan.seed,
                base: ReferenceFormat.decode(base.type, bytes(base)),
                models: merge.inputs.map { ReferenceFormat.decode($0.type, bytes($0)) })
            return ReferenceFormat.encode(reference.values(merge.rule), as: FloatFormat(tensor.type)!)
        }
        guard let rule = merge.deltas else {
            func values(_ input: InputTensor) -> [Float] {
                ReferenceFormat.decode(input.type, bytes(input)).map {
                    ReferenceFormat.round($0, to: merge.format)
                }
            }
            let blend = ReferenceBlend(
                shape: tensor.shape, base: merge.reference.map(values), inputs: merge.inputs.map(values))
            return ReferenceFormat.encode(blend.result(merge.rule), as: FloatFormat(tensor.type)!)
        }
        return ReferenceMerge(
            name: tensor.name, shape: tensor.shape, base: bytes(merge.reference!),
            baseType: merge.reference!.type,
            models: zip(merge.inputs, rule.terms).map { input, term in
                ReferenceMerge.Model(
                    values: bytes(input), type: input.type, ordinal: term.ordinal,
                    density: term.sparsifier.density, epsilon: term.epsilon, weight: term.weight,
                    lambda: term.lambda)
            }, format: merge.format, output: FloatFormat(tensor.type)!, electsSigns: rule.electsSigns,
            rescale: rule.rescale, normalize: rule.normalize, lambda: rule.lambda, seed: plan.seed
        ).bytes()
    }

    /// Changes bytes of an input and takes the change into the plan.
    func overwrite(_ path: FilePath, at offset: UInt64, with bytes: [UInt8]) throws {
        let file = try OpenFile.forUpdating(path, direct: false)
        try bytes.withUnsafeBytes { try file.write($0, at: offset) }
        let status = try file.status()
        for index in plan.inputs.indices where plan.inputs[index].path == path {
            plan.inputs[index].modified = status.modified
            plan.inputs[index].changed = status.changed
        }
    }

    /// Changes the arithmetic of every tensor that is computed.
    func changeMerges(_ change: (inout TensorMerge) -> Void) {
        for shard in plan.shards.indices {
            let tensors = plan.shards[shard].tensors.map { tensor in
                guard case .merge(var merge) = tensor.source else { return tensor }
                var changed = tensor
                change(&merge)
                changed.source = .merge(merge)
                return changed
            }
            plan.shards[shard].tensors = OutputTensorList(tensors)
        }
    }

    /// Has a file put beside the shards.
    func add(_ companion: CompanionFile) { plan.companions.append(companion) }

    // MARK: Writing models

    private func writeCheckpoint(
        _ model: Int, _ tensors: [Tensor], _ contents: [String: [[UInt8]]]
    ) throws -> [String: InputTensor] {
        let header = SafetensorsHeader(
            layingOut: tensors.map { ($0.name, $0.types[model], $0.shape) })
        // Spaces after the JSON are legal: they put the data at an odd byte.
        var bytes = header.encoded()
        let padding = dataStart.map { ($0 + 4096 - bytes.count % 4096) % 4096 } ?? (1 + 2 * model)
        bytes += Array(repeating: UInt8(ascii: " "), count: padding)
        withUnsafeBytes(of: UInt64(bytes.count - 8).littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
        var places: [String: InputTensor] = [:]
        for (tensor, entry) in zip(tensors, header.tensors) {
            places[entry.name] = InputTensor(
                file: model, type: entry.type, offset: UInt64(bytes.count), byteCount: entry.byteCount,
                model: model)
            bytes += contents[tensor.name]![model]
        }
        let path = folder.appending("model-\(model).safetensors")
        try FileSystem.writeWhole(bytes, to: path, sync: false)
        let status = try FileSystem.status(path)!
        plan.inputs.append(
            InputFile(
                path: path, size: status.size, inode: status.inode, modified: status.modified,
                changed: status.changed, headerChecksum: 0))
        return places
    }

    /// The bytes of a tensor in each model.
    private func values(_ tensor: Tensor) -> [[UInt8]] {
        let count = tensor.shape.reduce(1, *)
        guard tensor.types[0].isComputable else {
            return tensor.types.map { type in
                (0..<count).flatMap {
                    Array(repeating: UInt8(truncatingIfNeeded: $0), count: type.bitWidth / 8)
                }
            }
        }
        let values: [[Double]]
        if let kind = tensor.values {
            values = kind.values(count: count, models: modelCount, using: &random)
        } else {
            values = (0...modelCount).map { _ in
                (0..<count).map { _ in Double(Float.random(in: -1...1, using: &random)) }
            }
        }
        return zip(values, tensor.types).map { RowValues.encode($0, $1) }
    }

    // MARK: Planning

    private static func shards(
        _ tensors: [Tensor], _ places: [[String: InputTensor]], shardBytes: UInt64
    ) -> [OutputShard] {
        var groups: [[Tensor]] = [[]]
        var size: UInt64 = 0
        for tensor in tensors {
            let bytes = UInt64(tensor.shape.reduce(1, *) * 4)
            if size > 0, size + bytes > shardBytes {
                groups.append([])
                size = 0
            }
            groups[groups.count - 1].append(tensor)
            size += bytes
        }
        return groups.enumerated().map { index, group in
            shard("shard-\(index).safetensors", group, places)
        }
    }

    private static func rule(_ tensor: Tensor) -> MergeRule {
        if let rule = tensor.rule { return rule }
        return .deltas(
            DeltaRule(
                terms: tensor.densities.enumerated().map { ordinal, density in
                    DeltaTerm(
                        ordinal: ordinal,
                        sparsifier: .magprune(density: density, epsilon: min(density, 1 - density) / 2),
                        weight: 0.5 + 0.2 * Double(ordinal), lambda: ordinal == 0 ? 1 : 0.9)
                }, electsSigns: true, rescale: tensor.rescale, normalize: tensor.normalize,
                lambda: tensor.lambda))
    }

    private static func inputs(_ tensor: Tensor) -> [Int] {
        tensor.inputs
            ?? (tensor.rule == nil ? tensor.densities.indices : tensor.types.indices.dropLast())
            .map { $0 + 1 }
    }

    private static func shard(
        _ name: String, _ tensors: [Tensor], _ places: [[String: InputTensor]]
    ) -> OutputShard {
        let header = SafetensorsHeader(
            layingOut: tensors.map { tensor in
                let isMerged = tensor.types[0].isComputable && !tensor.isCopied
                let type = isMerged ? (tensor.output ?? tensor.format).elementType : tensor.types[0]
                return (tensor.name, type, tensor.shape)
            })
        let outputs = zip(tensors, header.tensors).map { tensor, entry in
            let base = places[0][tensor.name]!
            let source: OutputTensor.Source =
                tensor.types[0].isComputable && !tensor.isCopied
                ? .merge(
                    TensorMerge(
                        inputs: inputs(tensor).map { places[$0][tensor.name]! },
                        reference: tensor.hasReference ? base : nil, format: tensor.format,
                        rule: rule(tensor)))
                : .copy(base)
            return OutputTensor(
                name: tensor.name, type: entry.type, shape: entry.shape,
                offset: header.byteCount + entry.begin, byteCount: entry.byteCount, source: source)
        }
        return OutputShard(
            fileName: name, headerByteCount: Int(header.byteCount), tensors: OutputTensorList(outputs),
            byteCount: header.byteCount + header.dataByteCount)
    }
}

extension MergePlan {
    /// The tensors of which a sum has to be found before the first row.
    var rescaledTensors: [OutputTensor] {
        shards.flatMap(\.tensors).filter { tensor in
            guard tensor.elementCount > 0 else { return false }
            guard case .merge(let merge) = tensor.source, let rule = merge.deltas else { return false }
            return rule.rescale
                && rule.terms.contains { $0.sparsifier.density > 0 && $0.sparsifier.density < 1 }
        }
    }
}
