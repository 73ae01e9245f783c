import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// mergekit-yaml's command line.
@Suite struct MergekitWordsTests {
    @Test(arguments: [
        ("c.yml out --random-seed 7", "c.yml out --seed 7"),
        ("c.yml out --random-seed=7 -j 3", "c.yml out --seed 7 --threads 3"),
        ("-j4 c.yml out --out-shard-size 5B", "--threads 4 c.yml out --shard-size 5B"),
        ("--transformers-cache /hub c.yml out", "--models /hub c.yml out"),
        ("c.yml out --no-allow-crimes", "c.yml out"),
        ("c.yml out --allow-crimes --memory 1G", "c.yml out --allow-crimes --memory 1G"),
        (
            "c.yml out --copy-tokenizer --lazy-unpickle --safe-serialization --write-model-card --async-write",
            "c.yml out"
        ),
        ("c.yml out --no-report --no-audit", "c.yml out --no-report --no-audit"),
        ("c.yml -- --cuda", "c.yml -- --cuda"),
        ("c.yml out --unknown", "c.yml out --unknown"),
        ("c.yml out --random-seed", "c.yml out --random-seed"),
    ])
    func whatHasAMeaningIsDoneWithoutAWord(given: String, expected: String) {
        let words = MergekitWords(given.split(separator: " ").map(String.init))
        #expect(words.words.joined(separator: " ") == expected)
        #expect(words.remarks.isEmpty)
    }

    @Test func whatIsLeftOutIsSaidOnceForEachReason() {
        let given =
            "c.yml out --cuda --low-cpu-memory --device cuda:0 --lora-merge-cache /tmp/l -vv --trust-remote-code"
        let words = MergekitWords(given.split(separator: " ").map(String.init))
        #expect(words.words == ["c.yml", "out"])
        #expect(words.remarks.count == 4)
        #expect(words.remarks[0].hasPrefix("--cuda, --low-cpu-memory, --device: left out: "))
        #expect(words.remarks.contains { $0.hasPrefix("--trust-remote-code: left out: no code") })
        #expect(MergekitWords(given.split(separator: " ").map(String.init) + ["--quiet"]).remarks.isEmpty)
    }

    /// Every option that mergekit 0.1.5 lists in `mergekit-yaml --help`, in both forms.
    @Test(arguments: [
        "allow-crimes", "unsafe-truncate-embeddings", "trust-remote-code", "quiet", "cuda", "low-cpu-memory",
        "lazy-unpickle", "read-to-gpu", "multi-gpu", "async-write", "copy-tokenizer", "clone-tensors",
        "write-model-card", "safe-serialization",
    ])
    func everyFlagIsKnownBothWays(flag: String) {
        for word in ["--\(flag)", "--no-\(flag)"] {
            let rest = MergekitWords([word]).words
            #expect(rest.isEmpty || rest == ["--allow-crimes"], "\(word)")
        }
        for option in [
            "transformers-cache", "lora-merge-cache", "lora-merge-dtype", "random-seed", "device",
            "num-threads",
            "write-threads", "out-shard-size",
        ] {
            #expect(MergekitWords(["--\(option)", "x"]).words.first != "--\(option)")
        }
    }

    @Test func aTutorialsCommandTypedAsItStandsGivesTheModel() throws {
        let rig = try MergeRig()
        let link = rig.folder.path / "mergekit-yaml"
        try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: Executable.path)
        // A tutorial's models lie where the command is given.
        try rig.config.rewrite(
            rig.config.text.replacing("base_model: base", with: "base_model: ./models/base")
                .replacing("model: tuned", with: "model: ./models/tuned"))
        let result = try Executable.run(
            [
                "config.yml", "./out", "--cuda", "--lazy-unpickle", "--copy-tokenizer", "--out-shard-size",
                "5B",
            ],
            in: rig.folder, program: link, from: rig.folder.path)
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.errors.contains("dellad: --cuda: left out: "))
        let merged = try Executable.run(
            ["merge", "config.yml", "own", "--memory", "64M", "--random-seed", "7"], in: rig.folder,
            from: rig.folder.path)
        #expect(merged.code == 0, "\(merged.errors)")
        #expect(try rig.weights(rig.folder.path / "out") == rig.weights(rig.folder.path / "own"))
        let both = try Executable.run(
            ["config.yml", "both", "--models", rig.models.string, "--memory", "32M", "--no-report"],
            in: rig.folder, program: link, from: rig.folder.path)
        #expect(both.code == 0 && !(rig.folder.path / "both" / "report.html").exists, "\(both.errors)")
    }
}
