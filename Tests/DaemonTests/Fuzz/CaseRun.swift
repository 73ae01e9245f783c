import Foundation
import StreamIO
import SystemPackage

@testable import MergeReference

/// A case carried out: its models and config written, the program run, and what came of it compared with what the
/// reference says must come.
struct CaseRun {
    /// What was wrong.
    struct Failure: Error, CustomStringConvertible {
        /// Cases fail alike that have the same kind.
        var kind: String
        var detail: String

        var description: String { "\(kind): \(detail)" }
    }

    /// How a run of the program ended.
    private struct Ending {
        var code: Int32
        var errors: String
    }

    let made: FuzzCase
    let folder: TemporaryFolder
    private var models: FilePath { folder.path / "models" }
    private var config: FilePath { folder.path / "config.yml" }
    var output: FilePath { folder.path / "out" }

    init(_ made: FuzzCase) throws {
        self.made = made
        // Thousands of syncs.
        folder = try TemporaryFolder(inMemory: true)
        try FileSystem.createFolder(models)
        for model in made.models { try model.write(below: models.string) }
        try config.write(made.text)
    }

    /// Whether a tensor has a row for each token.
    private static func isOfTokens(_ name: String) -> Bool {
        name.hasSuffix("embed_tokens.weight") || name.hasSuffix("wte.weight")
    }

    /// Runs the program; `nil` where all is as it must be.
    func failure() throws -> Failure? {
        do {
            let verdict = try verdict()
            try inject()
            let ending = try run()
            switch verdict {
            case .refused(let reason):
                let code = made.fault.map { $0.isOfTheRun ? 65 : $0.exitCode } ?? 65
                // Of a model that is nowhere and what else is wrong, either may be told first.
                let isNowhere = made.fault == .noModel && ending.code == FuzzCase.Fault.noModel.exitCode
                try expectRefusal(ending, code: isNowhere ? ending.code : code, why: reason)
            case .merged(let files):
                if let fault = made.fault {
                    try expectRefusal(ending, code: fault.exitCode, why: fault.rawValue)
                    return nil
                }
                if ending.code != 0 {
                    throw Failure(
                        kind: "ended with \(ending.code), \(Self.words(ending.errors))", detail: ending.errors
                    )
                }
                try compare(files)
                try checkCompanions(files)
                try checkReport(files)
                // Where a last place is not settled by the reference, it still is by the product.
                if !ReferenceMethod.named(made.recipe.method)!.isExact || made.parts > 0 {
                    try compareWithAnotherRun(files.count)
                }
                try expectNothingElse()
            }
            return nil
        } catch let failure as Failure {
            return failure
        }
    }

    // MARK: What must come

    private func verdict() throws -> RecipeMerge.Verdict {
        if let fault = made.fault, !fault.isOfTheRun { return .refused(fault.rawValue) }
        do {
            return try reference().verdict()
        } catch let refusal as RecipeMerge.Refusal {
            return .refused(refusal.reason)
        }
    }

    private func reference() throws -> RecipeMerge {
        var folders = try made.models.map { model in
            model.isPlain
                ? try CheckpointFolder(reading: (models.pushing(FilePath(model.name))).string) : model.meant()
        }
        // Of a model that is nowhere nothing is known.
        var recipe = made.recipe
        recipe.mapSlices { slice in slice.sources.removeAll { $0.model >= made.models.count } }
        try TokenizerRecipe.expand(&folders, of: made.models, by: recipe)
        return RecipeMerge(
            recipe, seed: made.seedOption ?? made.recipe.seed ?? 0, folders: folders,
            names: made.models.map(\.names))
    }

    /// Damages what is not in the case's values.
    private func inject() throws {
        switch made.fault {
        case .outputExists: try FileSystem.createFolder(output)
        case .cutShort:
            for source in made.recipe.sources {
                let model = models.pushing(FilePath(made.models[source.model].name))
                let name = try FileSystem.entries(of: model).filter { $0.hasSuffix(".safetensors") }.sorted()[
                    0]
                let size = try FileSystem.status(model / name)!.size
                try OpenFile.forUpdating(model / name, direct: false).truncate(to: size - 1)
            }
        default: break
        }
    }

    // MARK: Running

    private func run() throws -> Ending {
        var last = Ending(code: -1, errors: "never run")
        var wasInterrupted = false
        for run in made.runs {
            last = try made.parts > 0 ? inParts(run) : self.run(run, with: [])
            // Killed after the folder had got its name: done, and not to be done again.
            if last.code == 73, wasInterrupted, output.exists { last.code = 0 }
            // A part that ended before it was interrupted is not all of it.
            if made.parts > 0, run.interruption != nil, last.code == 0 { continue }
            guard run.interruption != nil, last.code < 0 || last.code == 130 else { break }
            wasInterrupted = true
        }
        return last
    }

    /// The command that a run gives.
    func arguments(_ run: FuzzCase.Run, memory: String) -> [String] {
        let out = made.fault == .noFolder ? folder.path / "nowhere" / "out" : output
        return [
            "merge", config.string, out.string, "--models", models.string, "--memory", memory, "--threads",
            "\(run.threads)", "--io", run.engine,
        ] + (made.seedOption.map { ["--seed", "\($0)"] } ?? [])
    }

    private func run(_ run: FuzzCase.Run, with words: [String]) throws -> Ending {
        var environment = run.level.map { ["DELLAD_SIMD": $0] } ?? [:]
        let memory = made.fault == .tooLittleMemory ? "1K" : try self.memory(run)
        var arguments = arguments(run, memory: memory) + words
        if words.isEmpty, made.parts > 0 { arguments[0] = "assemble" }
        guard case .signal(let signal, let milliseconds) = run.interruption else {
            if case .operation(let number) = run.interruption {
                environment["DELLAD_FAULT_PLAN"] = "die:\(number)"
            }
            let ended = try Executable.run(arguments, in: folder, environment: environment)
            return Ending(code: ended.code, errors: ended.errors)
        }
        let executable = try Executable(arguments, in: folder, environment: environment)
        usleep(UInt32(milliseconds) * 1000)
        executable.signal(signal)
        let code = executable.wait()
        return Ending(code: code, errors: executable.errorText)
    }

    /// One part where it is interrupted, a different one each time; else all in some order, and their assembly.
    private func inParts(_ run: FuzzCase.Run) throws -> Ending {
        var random = SeededRandom(seed: made.seed)
        // What is wrong with it all the first part finds, which has a file for sure.
        let order = made.fault == nil ? (0..<made.parts).shuffled(using: &random) : Array(0..<made.parts)
        if run.interruption != nil {
            let part = order[made.runs.count % order.count]
            return try self.run(run, with: ["--part", "\(part)/\(made.parts)"])
        }
        for part in order {
            let ending = try self.run(run, with: ["--part", "\(part)/\(made.parts)"])
            if ending.code != 0 { return ending }
        }
        return try self.run(run, with: [])
    }

    private func memory(_ run: FuzzCase.Run) throws -> String {
        guard case .least(let more) = run.memory else {
            guard case .bytes(let bytes) = run.memory else { return "1G" }
            // A budget that is drawn does for plain rows, but not for any adapter's matrices.
            let isAdapted = made.models.contains { $0.adapter != nil }
            return "\(isAdapted ? max(bytes >> 20, leastLimit) : bytes >> 20)M"
        }
        let ended = try Executable.run(arguments(run, memory: "1K"), in: folder)
        // What is refused for another reason is refused with any budget.
        guard ended.code == 78 else { return "64M" }
        guard let named = ended.errors.components(separatedBy: "use --memory ").last,
            let mebibytes = UInt64(named.prefix { $0.isNumber })
        else { throw Failure(kind: "names no budget", detail: ended.errors) }
        if mebibytes > leastLimit { throw Failure(kind: "asks for too much memory", detail: ended.errors) }
        return "\(mebibytes + more >> 20)M"
    }

    /// Mebibytes that must do: the longest row, in every model, a few times over.
    private var leastLimit: UInt64 {
        let isAdapted = made.models.contains { $0.adapter != nil }
        // What an adapter adds to has a row for each output.
        let row =
            made.models.flatMap(\.tensors)
            .map { 8 * (isAdapted ? $0.shape.dropFirst().reduce(1, *) : $0.shape.last ?? 1) }.max() ?? 8
        // Of one tensor the adapters' matrices, too, the maps of its rows, and a scale for each of them.
        let inputs = made.models.map { model in
            let sides =
                model.tensors.map { ($0.shape.first ?? 1) + $0.shape.dropFirst().reduce(1, *) }.max() ?? 0
            let rank = model.adapter?.parts.values.map(\.rank).max() ?? 0
            let (maps, scales) = (model.tokens == nil ? 0 : 16 * sides, model.scaled.isEmpty ? 0 : 16 * sides)
            return 4 * rank * sides + maps + scales
        }
        return UInt64(4 + (4 * (made.models.count + 8) * (row + 65536) + inputs.reduce(0, +)) >> 20)
    }

    // MARK: Comparing

    private func expectRefusal(_ ending: Ending, code: Int32, why: String) throws {
        guard ending.code == code else {
            throw Failure(
                kind: "must be refused with \(code)",
                detail: "\(why), but ended with \(ending.code): \(ending.errors)")
        }
        guard ending.errors.contains("dellad: ") else {
            throw Failure(kind: "refused without a word", detail: why)
        }
        if made.fault == .outputExists {
            guard try FileSystem.entries(of: output).isEmpty else {
                throw Failure(kind: "wrote into what exists", detail: ending.errors)
            }
        } else if output.exists {
            throw Failure(kind: "refused and published", detail: ending.errors)
        }
        try expectNothingElse()
    }

    /// What a message says, without what it speaks of: no names, paths or figures.
    private static func words(_ message: String) -> String {
        let line = message.split(separator: "\n").first { !$0.contains("warning") } ?? ""
        return line.split(separator: " ").filter { $0.allSatisfy { $0.isLetter || ",:()".contains($0) } }
            .joined(separator: " ")
    }

    private func expectNothingElse() throws {
        let left = try FileSystem.entries(of: folder.path).filter { $0.hasPrefix(".") }
        if !left.isEmpty { throw Failure(kind: "left something behind", detail: "\(left)") }
    }

    private func compare(_ expected: [[TensorFile.Tensor]]) throws {
        let names = CheckpointFolder.fileNames(expected.count)
        let found = try FileSystem.entries(of: output).filter { $0.hasSuffix(".safetensors") }.sorted()
        guard found == names else { throw Failure(kind: "other files", detail: "\(found), not \(names)") }
        let isExact = ReferenceMethod.named(made.recipe.method)!.isExact
        var index: [String: String] = [:]
        for (name, tensors) in zip(names, expected) {
            let file = try TensorFile(reading: (output / name).string)
            guard file.dataStart % 4096 == 0, file.metadata == ["format": "pt"] else {
                throw Failure(kind: "another header", detail: "\(name): \(file.dataStart), \(file.metadata)")
            }
            let (mine, theirs) = (tensors.map(\.name), file.tensors.map(\.name))
            guard mine.sorted() == theirs.sorted() else {
                throw Failure(kind: "other tensors", detail: "\(name): \(theirs), not \(mine)")
            }
            // Those without elements lie nowhere.
            let full = Set(tensors.filter { !$0.bytes.isEmpty }.map(\.name))
            guard mine.filter(full.contains) == theirs.filter(full.contains) else {
                throw Failure(kind: "another order", detail: "\(name): \(theirs), not \(mine)")
            }
            for right in tensors {
                index[right.name] = name
                let tensor = file.tensors.first { $0.name == right.name }!
                if let difference = Self.difference(tensor, right, isExact: isExact) {
                    throw Failure(kind: "wrong values", detail: "\(name), \(right.name): \(difference)")
                }
            }
        }
        if names.count > 1, try CheckpointFolder.index(of: output.string) != index {
            throw Failure(kind: "another index", detail: "\(names)")
        }
    }

    /// What stands beside the weights: the number of layers, and now and then every checksum.
    private func checkCompanions(_ files: [[TensorFile.Tensor]]) throws {
        let layers = try reference().layerCount
        let config = try CheckpointFolder(reading: output.string).config
        let written = config["num_hidden_layers"] as? Int
        guard layers == 0 || written == layers else {
            throw Failure(
                kind: "other layers", detail: "\(written.map(String.init) ?? "none"), not \(layers)")
        }
        let rows = files.joined().first { Self.isOfTokens($0.name) }?.shape.first
        if made.recipe.tokenizer != nil, let rows, config["vocab_size"] as? Int != rows {
            throw Failure(
                kind: "another vocab_size", detail: "\(config["vocab_size"] ?? "none"), not \(rows)")
        }
        if config["quantization_config"] != nil {
            throw Failure(kind: "still quantised", detail: "\(config)")
        }
        guard made.seed % 8 == 0 else { return }
        let verified = try Executable.run(["verify", output.string], in: folder)
        guard verified.code == 0 else { throw Failure(kind: "does not verify", detail: verified.errors) }
    }

    /// Other threads, another budget and the other engine must give the same files.
    private func compareWithAnotherRun(_ count: Int) throws {
        let last = made.runs[made.runs.count - 1]
        let run = FuzzCase.Run(
            memory: .bytes(made.seed % 2 == 0 ? 16 << 20 : 256 << 20), threads: 5 - last.threads,
            engine: last.engine == "posix" ? "uring" : "posix", level: last.level == nil ? "baseline" : nil)
        var arguments = arguments(run, memory: try memory(run))
        // By the same name, which the report says.
        let again = folder.path / "again"
        try FileSystem.createFolder(again)
        arguments[2] = (again / "out").string
        let ended = try Executable.run(
            arguments, in: folder, environment: run.level.map { ["DELLAD_SIMD": $0] } ?? [:])
        guard ended.code == 0 else {
            throw Failure(kind: "ended with \(ended.code) again", detail: ended.errors)
        }
        for name in CheckpointFolder.fileNames(count) + ["report.json", "report.html", "report.svg"] {
            let files = try [output, again / "out"].map {
                try FileSystem.readWhole($0 / name, limit: 1 << 30)
            }
            guard files[0] == files[1] else { throw Failure(kind: "depends on how it is run", detail: name) }
        }
    }

    /// The first difference of two tensors.
    private static func difference(
        _ found: TensorFile.Tensor, _ right: TensorFile.Tensor, isExact: Bool
    ) -> String? {
        if found.type != right.type { return "\(found.type), not \(right.type)" }
        if found.shape != right.shape { return "\(found.shape), not \(right.shape)" }
        if found.bytes == right.bytes { return nil }
        let width = right.type.byteWidth
        var wrong = (0..<right.bytes.count / width).filter {
            found.bytes[$0 * width..<($0 + 1) * width] != right.bytes[$0 * width..<($0 + 1) * width]
        }
        if !isExact, right.type.isFloat {
            let values = [found, right].map { ReferenceFormat.decode($0.type, $0.bytes) }
            let most = values[1].reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
            let epsilon: Float = right.type == .bf16 ? 0x1p-7 : right.type == .f16 ? 0x1p-10 : 0x1p-22
            wrong.removeAll {
                abs(values[0][$0] - values[1][$0]) <= 1e-6 * most + epsilon * abs(values[1][$0])
            }
            if wrong.isEmpty { return nil }
        }
        let first = wrong[0]
        func value(_ tensor: TensorFile.Tensor) -> String {
            let bytes = Array(tensor.bytes[first * width..<(first + 1) * width])
            return tensor.type.isFloat ? "\(ReferenceFormat.decode(tensor.type, bytes)[0])" : "\(bytes)"
        }
        return
            "\(wrong.count) of \(right.count) elements of \(right.type.rawValue) \(right.shape), the first at \(first): "
            + "\(value(found)), not \(value(right))"
    }
}

extension CaseRun {
    /// Copies models, config, what came and what must come, and the command to a folder that stays.
    func keep(_ failure: Failure, in place: FilePath) throws {
        try? FileSystem.removeTree(place)
        try FileManager.default.copyItem(atPath: folder.path.string, toPath: place.string)
        if case .merged(let files)? = try? verdict() {
            try FileSystem.createFolder(place / "expected")
            for (name, tensors) in zip(CheckpointFolder.fileNames(files.count), files) {
                try CheckpointFolder.write(
                    TensorFile.encoded(tensors, alignment: 0), to: (place / "expected" / name).string)
            }
        }
        var commands = "# \(failure)\n# SEED=\(made.seed)\n"
        for run in made.runs {
            let words = arguments(run, memory: (try? memory(run)) ?? "1G").map {
                $0.hasPrefix(folder.path.string)
                    ? String($0.dropFirst(folder.path.string.utf8.count + 1)) : $0
            }
            let level = run.level.map { "DELLAD_SIMD=\($0) " } ?? ""
            let ending = run.interruption.map { "  # \($0)" } ?? ""
            commands += "\(level)dellad \(words.joined(separator: " "))\(ending)\n"
        }
        try (place / "command.sh").write(commands)
        var text = ""
        dump(made, to: &text)
        try (place / "case.txt").write(text)
    }
}
