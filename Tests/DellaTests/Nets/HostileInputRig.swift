import Foundation
import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// A base and a fine-tune of one layer, in which a test puts what nobody should have: planned, and merged where it is planned.
///
/// A run takes two seconds; `DELLAD_FUZZ_SECONDS` sets another time, `DELLAD_FUZZ_SEED` repeats a run, whose seed a failure
/// names.
final class HostileInputRig {
    static let rows = 8, width = 6
    static let matrix = "model.layers.0.mlp.up_proj.weight"
    static let embedding = "model.embed_tokens.weight"
    private static let time: Duration = .seconds(
        getenv("DELLAD_FUZZ_SECONDS").flatMap { Int(String(cString: $0)) } ?? 2)
    /// One merge may take this long, on a machine that runs every test at once, before it counts as a hang.
    private static let patience = Duration.seconds(20)

    let folder: FilePath
    let seed: UInt64
    var random: SeededRandom
    private var merged = 0, refused = 0

    init(_ name: String) throws {
        folder = try TemporaryFolder.create()
        seed = TestSeed.asked()
        print("\(name): seed \(seed)")
        random = SeededRandom(seed: seed)
        for model in ["base", "one"] { try writeModel(model, Self.tensors(model == "base" ? 0 : 1)) }
    }

    deinit { try? FileSystem.removeTree(folder) }

    static func tensors(_ model: Int) -> [TensorFile.Tensor] {
        [(embedding, [rows, width]), (matrix, [rows, width]), ("model.norm.weight", [width])].map {
            name, shape in
            let contents = TensorContents(kind: .weights, seed: 3)
            return TensorFile.Tensor(
                name: name, type: .f32, shape: shape,
                bytes: contents.bytes(.f32, count: shape.reduce(1, *), model: model))
        }
    }

    func writeModel(_ name: String, _ tensors: [TensorFile.Tensor], config: String = "") throws {
        try CheckpointFolder.write(
            [(tensors, nil)],
            config:
                "{\"model_type\": \"llama\", \"num_hidden_layers\": 1, \"vocab_size\": \(Self.rows)\(config)}",
            to: folder.appending(name).string)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let path = folder.pushing(FilePath(name)).string
        let parent = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try CheckpointFolder.write(bytes, to: path)
    }

    // MARK: Choices

    func pick<T>(_ list: [T]) -> T { list.randomElement(using: &random)! }

    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    /// One time in `count`.
    func once(in count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

    /// A few bytes changed, put in, taken out or repeated; some of the words that parsers stumble over.
    func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let words = [
            "{", "}", "[", "]", ":", ",", "\"", "null", "NaN", "1e400", "-1", "9223372036854775808",
            "\\u0000",
            "\\ud800", "\u{0}", "\u{FEFF}", "é",
        ].map { Array($0.utf8) }
        for _ in 0..<number(1...3) {
            guard !bytes.isEmpty else { break }
            let at = number(0...bytes.count - 1)
            switch number(0...6) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 2: bytes.insert(contentsOf: pick(words), at: at)
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + number(1...8)))
            case 4:
                let piece = Array(bytes[at..<min(bytes.count, at + 40)])
                bytes.insert(contentsOf: Array(repeating: piece, count: number(1...200)).joined(), at: at)
            case 5:
                bytes.insert(
                    contentsOf: Array(repeating: pick(words), count: number(1...3000)).joined(), at: at)
            default: bytes.removeSubrange(at...)
            }
        }
        return bytes
    }

    // MARK: Running

    /// Makes input after input, and merges it, until the time is over.
    ///
    /// - Parameters:
    ///   - blamed: what a refusal may name.
    ///   - change: makes the files anew; returns the config, and what they are like for a failure.
    func run(blaming blamed: [String], _ change: (HostileInputRig) throws -> (config: String, what: String))
        throws
    {
        let clock = ContinuousClock()
        let end = clock.now + Self.time
        while clock.now < end || (merged == 0 || refused == 0) && merged + refused < 2_000 {
            let (config, what) = try change(self)
            let begin = clock.now
            try check(config, blaming: blamed, "seed \(seed), input \(merged + refused): \(what)")
            #expect(clock.now - begin < Self.patience, "seed \(seed), \(what)")
        }
        print("\(merged) merged, \(refused) refused")
        // Both ends are reached, else the damage is too weak or too strong to find anything.
        #expect(merged > 0 && refused > 0, "seed \(seed): \(merged) merged, \(refused) refused")
    }

    private func check(_ config: String, blaming blamed: [String], _ what: String) throws {
        let library = ModelLibrary(folders: [folder], workingDirectory: nil, allowsAnyPath: true)
        let output = folder.appending("out")
        let text = Array(config.utf8)
        do {
            let plan = try MergePlanner(library: library, seed: 5, memory: 64 << 20).plan(
                text, fileName: "m.yml", outputName: "out")
            _ = try MergeRun(
                plan: plan, configText: text, output: output,
                options: MergeOptions(memory: 64 << 20, threads: 1, engine: .posix)
            ).perform(progress: MergeProgress(), stop: StopRequest())
            merged += 1
        } catch let error as MergeProblems {
            refused += 1
            #expect((65...66).contains(error.exitCode), "\(what)")
            for problem in error.problems {
                #expect(!problem.message.isEmpty, "\(what)")
                #expect(
                    blamed.contains { problem.message.contains($0) },
                    "\(what): \(problem.message) names no file")
                // Whoever wrote the file does not write to the terminal.
                #expect(
                    !problem.message.unicodeScalars.contains {
                        $0.value < 32 && $0 != "\n" || $0.value == 127
                    },
                    "\(what): \(problem.message.debugDescription)")
                #expect(problem.message.utf8.count < 4096, "\(what): \(problem.message.utf8.count) bytes")
            }
        } catch let error as MergeFailure {
            Issue.record("\(what): planned, then \(error.message)")
        }
        try? FileSystem.removeTree(output)
    }
}
