import Glibc
import StreamIO
import Synthesis
import SystemPackage

@testable import Daemon

/// Two small synthetic models, a config that merges them, and a spool.
final class MergeRig {
    let folder: TemporaryFolder
    let models: FilePath
    let config: FilePath
    let spool: FilePath
    let output: FilePath

    /// - Parameter vocabulary: sets how long a merge takes; 1000 are 0.26 MB.
    init(vocabulary: Int = 512, dellad: String = "") throws {
        folder = try TemporaryFolder()
        models = folder.path / "models"
        spool = folder.path / "spool"
        output = folder.path / "output"
        config = folder.path / "config.yml"
        try FileSystem.createFolder(models)
        var shape = CheckpointShape.all[CheckpointShape.all.count - 1]
        shape.vocabulary = vocabulary
        try Synthesizer(SynthesisOptions(shape: shape, threads: 2)).write(
            to: models / "base", written: SynthesisCounter())
        try Synthesizer(SynthesisOptions(shape: shape, seed: 1, base: models / "base", threads: 2)).write(
            to: models / "tuned", written: SynthesisCounter())
        try config.write(
            """
            base_model: base
            merge_method: della
            dtype: bfloat16
            models:
              - model: tuned
                parameters: {density: 0.5, epsilon: 0.1, weight: 0.5}
            dellad: {seed: 7\(dellad)}

            """)
    }

    var serveArguments: [String] {
        [
            "serve", "--spool", spool.string, "--output", output.string, "--models", models.string,
            "--threads", "2", "--memory", "64M",
        ]
    }

    func serve() throws -> Executable { try Executable(serveArguments, in: folder) }

    func run(_ arguments: String...) throws -> (code: Int32, output: String, errors: String) {
        try Executable.run(arguments, in: folder)
    }

    /// Drops the config as a job, as mv would.
    func drop(_ name: String) throws {
        let draft = spool / "incoming" / ".\(name)"
        try draft.write(config.text)
        try FileSystem.rename(draft, to: spool / "incoming" / "\(name).yml", replacing: false)
    }

    func status(_ name: String) -> JobStatus? {
        JobName(name).flatMap { Spool(root: spool, output: output).readStatus($0) }
    }

    func weights(_ folder: FilePath) throws -> [UInt8] {
        try FileSystem.readWhole(folder / "model.safetensors", limit: 1 << 30)
    }

    /// Waits until a condition holds; whether it does. The limit is for what hangs: a machine that does other things as
    /// well takes its time.
    func wait(seconds: Int = 300, until condition: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if condition() { return true }
            usleep(2000)
        }
        return condition()
    }
}
