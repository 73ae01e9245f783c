import StreamIO
import SystemPackage
import Testing

@testable import Della

/// A tiny model as one of the spellings of its architecture has it, with values that any arithmetic on halves is exact
/// for.
struct NamedModel {
    /// How a version or a program calls the tensors.
    struct Spelling: Sendable {
        var name: String
        /// From the architecture's own name of a tensor.
        var rename: @Sendable (String) -> String

        static let own = Spelling(name: "own") { $0 }

        /// Replaces the first of the beginnings that a name has.
        static func beginnings(_ name: String, _ pairs: [(String, String)]) -> Spelling {
            Spelling(name: name) { tensor in
                guard let pair = pairs.first(where: { tensor.hasPrefix($0.0) }) else { return tensor }
                return pair.1 + tensor.dropFirst(pair.0.count)
            }
        }

        func wrapped(_ wrapper: String) -> Spelling {
            Spelling(name: "\(name) in \(wrapper)") { [rename] in wrapper + rename($0) }
        }
    }

    /// Tensors by the architecture's own names, and what else it is called.
    struct Architecture: Sendable, CustomTestStringConvertible {
        var name: String
        var tensors: [(name: String, shape: [Int])]
        var config: String
        /// The config of another version; the same where it is `nil`.
        var otherConfig: String?
        /// The first is its own.
        var spellings: [Spelling]

        var testDescription: String { name }
    }

    /// The values of a tensor: eighths between −8 and 8, others for every name and model.
    static func values(_ name: String, _ shape: [Int], model: Int) -> [Float] {
        var state = name.utf8.reduce(UInt64(model) &* 0x9E37_79B9 &+ 0xCBF2_9CE4_8422_2325) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        return (0..<shape.reduce(1, *)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int(state >> 40) % 65) / 8
        }
    }

    static func bytes(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
    }

    static func tensor(_ name: String, _ shape: [Int], _ values: [Float]) -> TinyModels.Tensor {
        TinyModels.Tensor(name: name, type: .f32, shape: shape, bytes: bytes(values))
    }

    /// Merges a config to the end, by the program's own means, and returns the tensors of the output as floats.
    static func merged(_ plan: MergePlan, in folder: FilePath) throws -> [String: [Float]] {
        let output = folder.appending("output")
        try FileSystem.removeTree(output)
        _ = try MergeRun(
            plan: plan, configText: [1], output: output,
            options: MergeOptions(memory: 8 << 20, threads: 1, engine: .posix)
        ).perform(progress: MergeProgress(), stop: StopRequest())
        let checkpoint = try Checkpoint(opening: output)
        var result: [String: [Float]] = [:]
        for tensor in checkpoint.tensors {
            let bytes = try OpenFile.forReading(checkpoint.shards[tensor.shard].path, direct: false)
                .read(upTo: Int(tensor.byteCount), at: tensor.offset)
            result[tensor.name] = floats(bytes, tensor.type)
        }
        return result
    }

    private static func floats(_ bytes: [UInt8], _ type: ElementType) -> [Float] {
        switch type {
        case .f32, .bf16:
            let width = type == .f32 ? 4 : 2
            return stride(from: 0, to: bytes.count, by: width).map { start in
                let pattern = (0..<width).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) }
                return Float(bitPattern: type == .f32 ? pattern : pattern << 16)
            }
        default: return bytes.map { Float($0) }
        }
    }

    /// A config of the base and one model, at half of its differences.
    static let halves = """
        base_model: Base
        merge_method: task_arithmetic
        models: [{model: Model, parameters: {weight: 0.5}}]
        """
}
