import StreamIO
import SystemPackage

@testable import Della

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
        var densities: [Double]
        var rescale = true
        var normalize = false
        var lambda = 0.85
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
        var places: [[String: InputTensor]] = []
        for model in 0...modelCount {
            places.append(try writeCheckpoint(model, tensors.shuffled(using: &random)))
        }
        plan.shards = Self.shards(tensors, places, shardBytes: shardBytes)
    }

    deinit { try? FileSystem.removeTree(folder) }

    /// Merges into `name` and returns the bytes of every shard.
    func merge(
        into name: String, memory: UInt64, threads: Int = 2, engine: IOEngineKind = .uring,
        progress: MergeProgress = MergeProgress(), stop: StopRequest = StopRequest(), trace: FilePath? = nil,
        isMemoryQuick: Bool? = nil
    ) throws -> [[UInt8]] {
        _ = try run(
            name, memory: memory, threads: threads, engine: engine, trace: trace, isMemoryQuick: isMemoryQuick
        )
        .perform(progress: progress, stop: stop)
        return try output(name)
    }

    func run(
        _ name: String, memory: UInt64, threads: Int = 2, engine: IOEngineKind = .uring, sha256: Bool = false,
        trace: FilePath? = nil, isMemoryQuick: Bool? = nil, config: String = "test",
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) -> MergeRun {
        var options = MergeOptions(
            memory: memory, threads: threads, engine: engine, sha256: sha256, trace: trace)
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
                    case .merge(let merge): reference(tensor, merge, bytes).bytes()
                    }
                }
        }
    }

    private func reference(
        _ tensor: OutputTensor, _ merge: TensorMerge, _ bytes: (InputTensor) -> [UInt8]
    ) -> ReferenceMerge {
        ReferenceMerge(
            name: tensor.name, shape: tensor.shape, base: bytes(merge.reference!),
            baseType: merge.reference!.type,
            models: zip(merge.inputs, merge.deltas!.terms).map { input, term in
                ReferenceMerge.Model(
                    values: bytes(input), type: input.type, ordinal: term.ordinal,
                    density: term.sparsifier.density, epsilon: term.epsilon, weight: term.weight,
                    lambda: term.lambda)
            }, format: merge.format, output: FloatFormat(tensor.type)!,
            electsSigns: merge.deltas!.electsSigns, rescale: merge.deltas!.rescale,
            normalize: merge.deltas!.normalize, lambda: merge.deltas!.lambda, seed: plan.seed)
    }

    /// Changes bytes of an input and takes the change into the plan.
    func overwrite(_ path: FilePath, at offset: UInt64, with bytes: [UInt8]) throws {
        let file = try OpenFile.forUpdating(path, direct: false)
        try bytes.withUnsafeBytes { try file.write($0, at: offset) }
        let modified = try file.status().modified
        for index in plan.inputs.indices where plan.inputs[index].path == path {
            plan.inputs[index].modified = modified
        }
    }

    /// Has a file put beside the shards.
    func add(_ companion: CompanionFile) { plan.companions.append(companion) }

    // MARK: Writing models

    private func writeCheckpoint(_ model: Int, _ tensors: [Tensor]) throws -> [String: InputTensor] {
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
            bytes += values(tensor, model, count: tensor.shape.reduce(1, *))
        }
        let path = folder.appending("model-\(model).safetensors")
        try FileSystem.writeWhole(bytes, to: path, sync: false)
        let status = try FileSystem.status(path)!
        plan.inputs.append(
            InputFile(
                path: path, size: status.size, inode: status.inode, modified: status.modified,
                headerChecksum: 0))
        return places
    }

    private func values(_ tensor: Tensor, _ model: Int, count: Int) -> [UInt8] {
        let type = tensor.types[model]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * type.bitWidth / 8)
        func add<T: FixedWidthInteger>(_ bits: T) {
            withUnsafeBytes(of: bits.littleEndian) { bytes.append(contentsOf: $0) }
        }
        for index in 0..<count {
            let value = Float.random(in: -1...1, using: &random)
            switch type {
            case .bf16: add(UInt16(truncatingIfNeeded: value.bitPattern >> 16))
            case .f16: add(Float16(value).bitPattern)
            case .f32: add(value.bitPattern)
            case .f64: add(Double(value).bitPattern)
            default: bytes += Array(repeating: UInt8(truncatingIfNeeded: index), count: type.bitWidth / 8)
            }
        }
        return bytes
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

    private static func rule(_ tensor: Tensor) -> DeltaRule {
        DeltaRule(
            terms: tensor.densities.enumerated().map { ordinal, density in
                DeltaTerm(
                    ordinal: ordinal,
                    sparsifier: .magprune(density: density, epsilon: min(density, 1 - density) / 2),
                    weight: 0.5 + 0.2 * Double(ordinal), lambda: ordinal == 0 ? 1 : 0.9)
            }, electsSigns: true, rescale: tensor.rescale, normalize: tensor.normalize, lambda: tensor.lambda)
    }

    private static func shard(
        _ name: String, _ tensors: [Tensor], _ places: [[String: InputTensor]]
    ) -> OutputShard {
        let header = SafetensorsHeader(
            layingOut: tensors.map { tensor in
                let isMerged = tensor.types[0].isComputable
                let type = isMerged ? (tensor.output ?? tensor.format).elementType : tensor.types[0]
                return (tensor.name, type, tensor.shape)
            })
        let outputs = zip(tensors, header.tensors).map { tensor, entry in
            let base = places[0][tensor.name]!
            let source: OutputTensor.Source =
                tensor.types[0].isComputable
                ? .merge(
                    TensorMerge(
                        inputs: tensor.densities.indices.map { places[$0 + 1][tensor.name]! },
                        reference: base, format: tensor.format, rule: .deltas(rule(tensor))))
                : .copy(base)
            return OutputTensor(
                name: tensor.name, type: entry.type, shape: entry.shape,
                offset: header.byteCount + entry.begin, byteCount: entry.byteCount, source: source)
        }
        return OutputShard(
            fileName: name, header: header.encoded(), tensors: outputs,
            byteCount: header.byteCount + header.dataByteCount)
    }
}
