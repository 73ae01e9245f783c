import ArgumentParser
import StreamIO
import Synthesis
import SystemPackage

/// `dellad synth`: a random checkpoint to try and measure with, without a download.
struct SynthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synth",
        abstract: "Writes a random checkpoint, or a random fine-tune or adapter of one.",
        discussion: """
            Shapes: nemo-12b (40 layers, 12.2 B parameters, 24.5 GB), nemo-4l (four of its layers, 2.9 GB), edge \
            (one layer and the full vocabulary: the largest tensors of a 12B model, 3.2 GB), demo (0.3 GB), tiny \
            (0.5 MB). Values are bfloat16: weights N(0, 0.02), norms 1 + N(0, 0.1). The same seed gives the same bytes.

            --vocabulary also writes a tokenizer of that many tokens. Those of two seeds have most words in common, not \
            all, and in another order; a fine-tune of the same seed as its base has the base's. --adapter writes a LoRA \
            adapter of all linear layers in place of a model. --fp8 writes linear weights in 8 bits with scales by \
            block of 128 by 128, as models in the manner of DeepSeek V3 have them.
            """
    )

    @Argument(help: "The folder to create.", completion: .directory)
    var output: String

    @Option(
        help: ArgumentHelp("nemo-12b, nemo-4l, edge, demo or tiny.", valueName: "name"),
        completion: .list(CheckpointShape.all.map(\.name)))
    var shape: CheckpointShape

    @Option(help: "Selects the random numbers.")
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp("The checkpoint to make a fine-tune or adapter of.", valueName: "dir"),
        completion: .directory
    )
    var base: String?

    @Option(
        help: ArgumentHelp(
            "With --base or --adapter: the standard deviation of what is added.", valueName: "s"))
    var scale: Float = 0.002

    @Option(help: ArgumentHelp("Threads (default: the cores).", valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp("The most bytes of tensors in a file (default: 5GB).", valueName: "size"),
        transform: Self.shardSize)
    var shardSize: ByteCount?

    @Option(help: ArgumentHelp("Layers, instead of the shape's.", valueName: "n"))
    var layers: Int?

    @Option(help: ArgumentHelp("Tokens, instead of the shape's, with a tokenizer of them.", valueName: "n"))
    var vocabulary: Int?

    @Flag(help: "Write pytorch_model.bin, as torch.save does, instead of safetensors.")
    var bin = false

    @Option(help: ArgumentHelp("Write a LoRA adapter of that rank.", valueName: "rank"))
    var adapter: Int?

    @Flag(help: "Write linear weights in 8 bits, with scales by block.")
    var fp8 = false

    /// The most layers or threads.
    private static let countLimit = 10_000_000
    private static let ranks = 1...65536

    static func shardSize(_ text: String) throws -> ByteCount {
        guard let size = ByteCount(ofShard: text), size.bytes > 0 else {
            throw ValidationError("'\(text)' is no size (\(ByteCount.remedy))")
        }
        return size
    }

    func validate() throws {
        for (value, name, range) in [
            (layers, "layers", 1...Self.countLimit), (threads, "threads", 1...Self.countLimit),
            (vocabulary, "vocabulary", SyntheticVocabulary.counts), (adapter, "adapter", Self.ranks),
        ] {
            if let value, !range.contains(value) {
                throw ValidationError("--\(name) must be from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        guard scale.isFinite, scale >= 0 else {
            throw ValidationError("--scale must be 0 or more, and finite")
        }
        if adapter != nil {
            for (isGiven, name, reason) in [
                (fp8, "fp8", "adapters are not quantised"),
                (vocabulary != nil, "vocabulary", "it has neither embedding nor tokenizer"),
                (shardSize != nil, "shard-size", "it is one file"),
            ] where isGiven {
                throw ValidationError("--adapter and --\(name) exclude each other: \(reason)")
            }
        }
        if fp8, bin {
            throw ValidationError("--fp8 and --bin exclude each other: FP8 models are safetensors")
        }
    }

    func run() throws {
        var shape = shape
        if let layers { shape.layers = layers }
        if let vocabulary { shape.vocabulary = vocabulary }
        let synthesizer = Synthesizer(
            SynthesisOptions(
                shape: shape, seed: seed, base: base.map { FilePath($0) }, scale: scale,
                shardSize: shardSize?.bytes ?? SynthesisOptions.usualShardSize,
                threads: threads ?? Host().threads(), format: bin ? .torch : .safetensors,
                adapterRank: adapter, hasWholeTokenizer: vocabulary != nil, isQuantised: fp8))
        do {
            try synthesizer.write(to: FilePath(output), written: SynthesisCounter())
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ failure: SynthesisFailure) -> CommandFailure {
        switch failure {
        case .outputExists: CommandFailure("\(failure)", .cannotCreate)
        case .unfitBase: CommandFailure("\(failure)", .badData)
        case .missingBase: CommandFailure("\(failure)", .missingInput)
        case .interrupted: CommandFailure("\(failure)", .interrupted)
        case .io(let error) where error.errno == .noSpace:
            CommandFailure("\(error) (free space on that disk, or choose a smaller shape)", .io)
        case .io(let error) where error.operation == "create folder":
            CommandFailure("\(error) (\(creationRemedy(error.errno)))", .cannotCreate)
        case .io(let error): CommandFailure("\(error) (remove the cause and try again)", .io)
        }
    }

    private func creationRemedy(_ errno: Errno) -> String {
        switch errno {
        case .noSuchFileOrDirectory: "create its folder: mkdir -p \(FilePath(output).parent)"
        case .fileNameTooLong: "use a shorter name"
        default: "name a folder that this user can create, in one that is there"
        }
    }
}

extension CheckpointShape: ExpressibleByArgument {
    public init?(argument: String) { self.init(named: argument) }
}

extension ByteCount: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
