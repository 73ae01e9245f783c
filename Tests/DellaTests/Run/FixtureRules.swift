import StreamIO
import SystemPackage

@testable import Della

/// The fixtures of methods without sparsified differences, as plans: what their configs say, by hand.
struct FixtureRules: Sendable {
    /// The config's name.
    let name: String
    let inputs: [String]
    var base: String?
    /// The rule of a tensor, whose place among the layers is from 0 to 1.
    let rule: @Sendable (_ tensor: String, _ t: Double) -> MergeRule

    static let folder = TestResources.folder.appending("methods")

    static let all: [FixtureRules] = [
        FixtureRules(name: "linear", inputs: ["One", "Two", "Base"]) { _, t in
            .blend(.weighted([0.3, gradient([0.5, 1.2], t), -0.2], normalize: true))
        },
        FixtureRules(name: "linear-sum", inputs: ["One", "Two"]) { _, _ in
            .blend(.weighted([0.3, 0.4], normalize: false))
        },
        FixtureRules(name: "passthrough", inputs: ["One"]) { tensor, _ in
            .blend(.scaled(tensor.contains("down_proj") ? 0.5 : 1.25))
        },
        FixtureRules(name: "slerp", inputs: ["Base", "One"]) { tensor, t in
            let values =
                tensor.contains("self_attn")
                ? [0, 0.5, 0.3, 0.7, 1] : tensor.contains("mlp") ? [1, 0.5, 0.7, 0.3, 0] : [0.5]
            return .blend(.slerp(t: gradient(values, t)))
        },
        FixtureRules(name: "slerp-far", inputs: ["Base", "Far"]) { _, _ in .blend(.slerp(t: 0.3)) },
        FixtureRules(name: "nuslerp", inputs: ["One", "Two"]) { _, t in
            let second = gradient([0.2, 0.8], t)
            return .blend(.nuslerp(t: second / (0.3 + second), grain: .tensor))
        },
        FixtureRules(name: "nuslerp-base", inputs: ["One", "Two"], base: "Base") { _, _ in
            .blend(.nuslerp(t: 0.8 / (0.3 + 0.8), grain: .tensor))
        },
        FixtureRules(name: "nuslerp-rows", inputs: ["One", "Two"], base: "Base") { _, _ in
            .blend(.nuslerp(t: 0.8 / (0.3 + 0.8), grain: .rows))
        },
        FixtureRules(name: "multislerp", inputs: ["One", "Two", "Far"]) { _, _ in
            .blend(.multislerp(weights: [0.3, 0.8, 0.4], normalize: true, eps: 1e-8))
        },
        FixtureRules(name: "multislerp-base", inputs: ["One", "Two", "Far"], base: "Base") { _, _ in
            .blend(.multislerp(weights: [0.3, 0.8, 0.4], normalize: false, eps: 1e-8))
        },
        FixtureRules(name: "karcher", inputs: ["One", "Two", "Far"]) { _, _ in
            .blend(.karcher(iterations: 10, tolerance: 1e-5))
        },
        FixtureRules(name: "karcher-iterations", inputs: ["Base", "Far"]) { _, _ in
            .blend(.karcher(iterations: 3, tolerance: 1e-7))
        },
        FixtureRules(name: "model-stock", inputs: ["One", "Two", "Far"], base: "Base") { _, _ in
            .blend(.stock(byRow: false))
        },
        FixtureRules(name: "model-stock-rows", inputs: ["One", "Two"], base: "Base") { _, _ in
            .blend(.stock(byRow: true))
        },
        FixtureRules(name: "nearswap", inputs: ["One"], base: "Base") { _, t in
            .nearswap(t: gradient([0.0005, 0.002], t))
        },
        FixtureRules(name: "ram", inputs: ["One", "Two"], base: "Base") { _, _ in
            .ram(RamRule(epsilon: 0.001))
        },
        FixtureRules(name: "ramplus", inputs: ["One", "Two", "Far"], base: "Base") { _, _ in
            .ram(RamRule(epsilon: 0.002, boost: .init(r: 0.3, alpha: 0.5)))
        },
    ]

    private static func gradient(_ values: [Double], _ t: Double) -> Double {
        let place = t * Double(values.count - 1)
        let low = min(Int(place), values.count - 1)
        let f = place - Double(low)
        return (1 - f) * values[low] + f * values[min(low + 1, values.count - 1)]
    }

    /// The plan of one shard over all tensors.
    func plan() throws -> MergePlan {
        var plan = MergePlan(method: .della, seed: 0, inputs: [], shards: [])
        let models = (base.map { [$0] } ?? []) + inputs
        plan.modelNames = models
        var checkpoints: [Checkpoint] = []
        var firstFile: [Int] = []
        for model in models {
            let checkpoint = try Checkpoint(
                opening: Self.folder.appending("models").appending("\(model)-mini"))
            firstFile.append(plan.inputs.count)
            for shard in checkpoint.shards {
                let status = try FileSystem.status(shard.path)!
                plan.inputs.append(
                    InputFile(
                        path: shard.path, size: status.size, inode: status.inode, modified: status.modified,
                        headerChecksum: 0))
            }
            checkpoints.append(checkpoint)
        }
        let names = checkpoints[0].tensors
        let header = SafetensorsHeader(layingOut: names.map { ($0.name, .f32, $0.shape) })
        let tensors = zip(names, header.tensors).map { tensor, entry in
            let places = checkpoints.indices.map { index in
                let found = checkpoints[index].tensor(named: tensor.name)!
                return InputTensor(
                    file: firstFile[index] + found.shard, type: found.type, offset: found.offset,
                    byteCount: found.byteCount, model: index)
            }
            let t = LayerPosition(tensor.name).map { Double($0.layer) / 2 } ?? 0
            return OutputTensor(
                name: tensor.name, type: .f32, shape: tensor.shape, offset: header.byteCount + entry.begin,
                byteCount: entry.byteCount,
                source: .merge(
                    TensorMerge(
                        inputs: Array(places.suffix(inputs.count)), reference: base.map { _ in places[0] },
                        format: .float32, rule: rule(tensor.name, t))))
        }
        plan.shards = [
            OutputShard(
                fileName: "model.safetensors", header: header.encoded(), tensors: tensors,
                byteCount: header.byteCount + header.dataByteCount)
        ]
        return plan
    }
}
