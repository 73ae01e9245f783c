import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// What `dellad synth` writes besides plain checkpoints, merged by the program itself.
@Suite struct SyntheticInputTests {
    private typealias Matrix = [[Float]]

    @discardableResult
    private func run(_ words: String, in folder: TemporaryFolder, code: Int32 = 0) throws -> String {
        let arguments = words.split(separator: " ").map {
            String($0).replacing("@", with: folder.path.string + "/")
        }
        let ended = try Executable.run(arguments, in: folder)
        try #require(ended.code == code, "\(words): \(ended.errors)")
        return ended.errors
    }

    private func merge(_ config: String, in folder: TemporaryFolder) throws -> CheckpointFolder {
        try (folder.path / "merge.yml").rewrite(config)
        try run("merge @merge.yml @out --models @ --memory 64M --audit 1", in: folder)
        return try CheckpointFolder(reading: (folder.path / "out").string)
    }

    private func tensors(_ path: FilePath) throws -> [String: TensorFile.Tensor] {
        let names = try FileSystem.entries(of: path).filter { $0.hasSuffix(".safetensors") }
        return Dictionary(
            uniqueKeysWithValues: try names.flatMap { try TensorFile(reading: (path / $0).string).tensors }
                .map { ($0.name, $0) })
    }

    /// The values of a matrix of 32 or 16 bits.
    private func matrix(_ tensor: TensorFile.Tensor?) throws -> Matrix {
        let tensor = try #require(tensor)
        let width = tensor.type.byteWidth
        try #require(tensor.shape.count == 2 && (tensor.type == .f32 || tensor.type == .bf16))
        return (0..<tensor.shape[0]).map { row in
            (0..<tensor.shape[1]).map { column in
                let start = (row * tensor.shape[1] + column) * width
                let bits = (0..<width).reduce(UInt32(0)) { $0 | UInt32(tensor.bytes[start + $1]) << (8 * $1) }
                return Float(bitPattern: width == 2 ? bits << 16 : bits)
            }
        }
    }

    private func json(_ path: FilePath) throws -> [String: Any] {
        try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path.string)))
                as? [String: Any])
    }

    private func vocabulary(_ path: FilePath) throws -> (own: [String: Int], added: [String: Int]) {
        let tokenizer = try json(path / "tokenizer.json")
        let model = try #require(tokenizer["model"] as? [String: Any])
        let list = try #require(tokenizer["added_tokens"] as? [[String: Any]])
        let added = list.compactMap { entry in
            (entry["content"] as? String).flatMap { text in (entry["id"] as? Int).map { (text, $0) } }
        }
        return (try #require(model["vocab"] as? [String: Int]), Dictionary(uniqueKeysWithValues: added))
    }

    private func deviation(_ values: [Double]) -> Double {
        (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }

    @Test(arguments: [(rank: 4, format: ""), (rank: 16, format: " --bin")])
    func anAdapterAddsItsProductWithTheDeviationThatWasAskedFor(rank: Int, format: String) throws {
        let folder = try TemporaryFolder()
        try run("synth @base --shape tiny --seed 1", in: folder)
        let options = "--shape tiny --base @base --adapter \(rank) --scale 0.003 --seed 2"
        try run("synth @plain \(options)", in: folder)
        try run("synth @adapter \(options)\(format)", in: folder)
        let config = try json(folder.path / "adapter" / "adapter_config.json")
        #expect(config["base_model_name_or_path"] as? String == (folder.path / "base").string)
        #expect(config["r"] as? Int == rank)
        let output = try merge(
            "merge_method: passthrough\ndtype: float32\nmodels: [{model: base+adapter}]\n", in: folder)
        let base = try tensors(folder.path / "base"), adapter = try tensors(folder.path / "plain")
        #expect(adapter.count == 2 * 7 * 4)
        var deltas: [Double] = []
        for tensor in output.tensors where tensor.shape.count == 2 {
            let weight = try matrix(base[tensor.name]), found = try matrix(tensor)
            let name = "base_model.model." + tensor.name.dropLast("weight".count)
            guard let down = adapter[name + "lora_A.weight"] else {
                #expect(!tensor.name.contains("proj") && found == weight, "\(tensor.name)")
                continue
            }
            let part = ReferenceAdapter(
                rank: rank, scale: 2, down: try matrix(down), up: try matrix(adapter[name + "lora_B.weight"]),
                hasInputsFirst: false)
            #expect(found == part.applied(to: weight), "\(tensor.name)")
            deltas += zip(found.joined(), weight.joined()).map { Double($0 - $1) }
        }
        #expect(abs(deviation(deltas) / 0.003 - 1) < 0.05)
    }

    @Test func vocabulariesOfTwoSeedsAreMergedByToken() throws {
        let folder = try TemporaryFolder()
        try run("synth @one --shape tiny --layers 1 --vocabulary 1000 --seed 1", in: folder)
        try run("synth @two --shape tiny --layers 1 --vocabulary 1100 --seed 2", in: folder)
        let output = try merge(
            """
            merge_method: linear
            dtype: float32
            tokenizer_source: union
            models: [{model: one, parameters: {weight: 0.5}}, {model: two, parameters: {weight: 0.5}}]
            """, in: folder)
        var models: [ReferenceVocabulary.Model] = []
        for name in ["one", "two"] {
            let tokens = try vocabulary(folder.path / name)
            let rows = try matrix(tensors(folder.path / name)["model.embed_tokens.weight"])
            #expect(Set(tokens.own.merging(tokens.added) { $1 }.values) == Set(rows.indices))
            models.append(ReferenceVocabulary.Model(own: tokens.own, added: tokens.added, rows: rows))
        }
        let common = models[0].all.filter { models[1].all[$0.key] != nil }
        #expect((850..<990).contains(common.count))
        #expect(common.count { models[1].all[$0.key] != $0.value } > 800)
        let union = ReferenceVocabulary(models: models, hasBase: false, source: .union, entries: [])
        let right = try union.rows()
        let found = try matrix(output.tensors.first { $0.name == "model.embed_tokens.weight" })
        #expect(found.count == right[0].count && output.config["vocab_size"] as? Int == found.count)
        for (row, values) in found.enumerated() {
            let expected = zip(right[0][row], right[1][row]).map { 0.5 * $0 + 0.5 * $1 }
            #expect(values == expected, "row \(row)")
        }
        let written = try vocabulary(folder.path / "out")
        #expect(written.own.merging(written.added) { $1 } == union.tokens)
    }

    @Test func weightsOf8BitsAreThoseOf16AsNearAsTheyCanBe() throws {
        let folder = try TemporaryFolder()
        for (name, options) in [("base", "--seed 1"), ("tune", "--seed 2 --scale 0.01 --base @base")] {
            try run("synth @\(name) --shape tiny \(options)", in: folder)
            try run("synth @small-\(name) --shape tiny --fp8 \(options)", in: folder)
            let full = try tensors(folder.path / name), small = try tensors(folder.path / "small-\(name)")
            #expect(small.values.count { $0.type == .f8 } == 7 * 4)
            if (folder.path / "out").exists { try FileSystem.removeTree(folder.path / "out") }
            let output = try merge(
                "merge_method: passthrough\ndtype: float32\nmodels: [{model: small-\(name)}]\n", in: folder)
            #expect(output.config["quantization_config"] == nil && output.tensors.count == full.count)
            for tensor in output.tensors where tensor.shape.count == 2 {
                let right = try matrix(full[tensor.name]), found = try matrix(tensor)
                guard let bytes = small[tensor.name], bytes.type == .f8 else {
                    #expect(found == right, "\(tensor.name)")
                    continue
                }
                let scales = try matrix(small[tensor.name + "_scale_inv"])
                #expect(scales.count == (right.count + 127) / 128)
                #expect(scales[0].count == (right[0].count + 127) / 128)
                var wrong = 0, far = 0
                for row in right.indices {
                    for column in right[row].indices {
                        let scale = scales[row / 128][column / 128]
                        let value = ReferenceScales.value(bytes.bytes[row * right[row].count + column])
                        if found[row][column] != value * scale { wrong += 1 }
                        // Half a step: three bits of fraction, or multiples of 2⁻⁹.
                        let step = max(abs(right[row][column]) / 16, scale / 1024) * 1.0001
                        if abs(found[row][column] - right[row][column]) > step { far += 1 }
                    }
                }
                #expect(wrong == 0 && far == 0, "\(tensor.name)")
            }
        }
    }

    @Test(arguments: [
        "--adapter 8", "--adapter 8 --bin", "--vocabulary 20000", "--fp8",
        "--fp8 --vocabulary 20000 --layers 2",
    ])
    func theSameSeedGivesTheSameBytes(options: String) throws {
        let folder = try TemporaryFolder()
        for (name, threads) in [("one", 1), ("two", 5)] {
            try run("synth @\(name) --shape tiny --seed 9 --threads \(threads) \(options)", in: folder)
        }
        let names = try FileSystem.entries(of: folder.path / "one").sorted()
        #expect(try FileSystem.entries(of: folder.path / "two").sorted() == names)
        for name in names {
            let bytes = try ["one", "two"].map {
                try FileSystem.readWhole(folder.path / $0 / name, limit: 1 << 26)
            }
            #expect(bytes[0] == bytes[1], "\(name)")
        }
        if options.contains("vocabulary") {
            try run("synth @base --shape tiny --seed 9 \(options)", in: folder)
            #expect(
                try FileSystem.readWhole(folder.path / "base" / "tokenizer.json", limit: 1 << 26)
                    == FileSystem.readWhole(folder.path / "one" / "tokenizer.json", limit: 1 << 26))
        }
    }

    @Test func whatDoesNotGoTogetherIsRefusedAndNothingIsLeft() throws {
        let folder = try TemporaryFolder()
        for (options, text) in [
            ("--adapter 0", "--adapter must be from 1 to 65536"),
            ("--vocabulary 7", "--vocabulary must be from 8 to 1048576"),
            ("--adapter 4 --fp8", "--adapter and --fp8 exclude each other: adapters are not quantised"),
            ("--adapter 4 --vocabulary 99", "--adapter and --vocabulary exclude each other"),
            ("--adapter 4 --shard-size 1MB", "--adapter and --shard-size exclude each other: it is one file"),
            ("--fp8 --bin", "--fp8 and --bin exclude each other"),
            ("--adapter 4 --scale nan", "--scale must be 0 or more, and finite"),
        ] {
            let errors = try run("synth @out --shape tiny \(options)", in: folder, code: 64)
            #expect(errors.contains(text), "\(errors)")
        }
        try run("synth @base --shape tiny --fp8", in: folder)
        for (options, code) in [("", 65), ("--adapter 4", 0), ("--adapter 4 --layers 5", 65)] {
            try run("synth @out --shape tiny --base @base \(options)", in: folder, code: Int32(code))
            #expect((folder.path / "out").exists == (code == 0))
            if code == 0 { try FileSystem.removeTree(folder.path / "out") }
        }
    }
}
