import StreamIO
import SystemPackage

/// What a merged folder says of its own making, in `mergekit_config.yml` and `dellad.json`: enough to plan the merge
/// again.
public struct RecordedMerge: Sendable {
    /// What was done, beside the shards.
    static let recordName = "dellad.json"
    /// The config as given.
    public static let configName = "mergekit_config.yml"
    /// The most bytes of a record, for those who write and who read it, and of a config.
    package static let recordLimit = 64 << 20
    private static let configLimit = 1 << 20

    /// A model's file as it was read.
    private struct Input: Sendable {
        var model: String?
        var file: String
        var size: UInt64
        var headerChecksum: UInt32
    }

    /// The merged folder.
    public let folder: FilePath
    /// The config as given.
    public let configText: [UInt8]
    /// Of the random numbers.
    public let seed: UInt64
    /// Of the numerics.
    private let revision: Int
    private let inputs: [Input]
    /// The shards, in order.
    private let fileNames: [String]
    private let constants: [String: TensorConstants]

    /// Where the config lies.
    public var configPath: FilePath { folder.appending(Self.configName) }

    /// Reads a folder's record.
    /// - Throws: `MergeFailure`: `recordMissing`, `recordUnusable`, or an I/O error.
    public init(reading folder: FilePath) throws(MergeFailure) {
        self.folder = folder
        let path = folder.appending(Self.recordName)
        let bytes = try Self.read(path, limit: Self.recordLimit)
        guard let json = try? JSON(parsing: bytes), json["schema"]?.intValue == 1,
            case .number(let seedText)? = json["seed"], let seed = UInt64(seedText),
            let inputs = Self.inputs(json), let names = Self.fileNames(json),
            let revision = json["numerics_revision"]?.intValue,
            let checksum = json["config_crc32c"]?.stringValue.flatMap({ UInt32($0, radix: 16) })
        else { throw Self.unusable(path, "is damaged or of another program") }
        (self.seed, self.inputs, fileNames, self.revision) = (seed, inputs, names, revision)
        var constants: [String: TensorConstants] = [:]
        // Earlier versions kept none.
        for member in json["constants"]?.objectValue?.members ?? [] {
            guard let words = member.value.stringValue.flatMap({ TensorConstants(text: $0) }) else {
                throw Self.unusable(path, "the constants of \(member.key) are damaged")
            }
            constants[member.key] = words
        }
        self.constants = constants
        let config = folder.appending(Self.configName)
        configText = try Self.read(config, limit: Self.configLimit)
        guard CRC32C.of(configText) == checksum else {
            throw MergeFailure(
                .recordUnusable,
                "\(config): is not the config that was merged (copy it again, or merge again)")
        }
    }

    /// Whether a plan is of the same merge: its inputs are the ones that were read, and so is the arithmetic.
    /// - Throws: `MergeFailure`, `inputChanged`, that names the first file that is another, or `recordUnusable`.
    public func check(_ plan: MergePlan) throws(MergeFailure) {
        guard revision == plan.numericsRevision else {
            throw MergeFailure(
                .recordUnusable,
                "\(folder): was computed by revision \(revision) of the numerics, this program has "
                    + "\(plan.numericsRevision) (audit it with the version that merged it)")
        }
        for (file, recorded) in zip(plan.inputs, inputs) {
            let model = recorded.model.map { " of \($0)" } ?? ""
            guard file.path.lastComponent?.string == recorded.file else {
                throw Self.other(file.path, "was merged from \(recorded.file)\(model) in its place")
            }
            guard file.size == recorded.size else {
                throw Self.other(
                    file.path,
                    "has \(file.size) bytes, the file\(model) that was merged had \(recorded.size)")
            }
            guard file.headerChecksum == recorded.headerChecksum else {
                throw Self.other(file.path, "has another header than the file\(model) that was merged")
            }
        }
        guard plan.inputs.count == inputs.count else {
            throw MergeFailure(
                .inputChanged,
                "\(folder): was merged from \(inputs.count) files, the models found have \(plan.inputs.count) "
                    + "(name the folders of the same models with --models)")
        }
    }

    /// Whether it is what a plan of a config makes: of the same files, none of them newer than it, and with its shards.
    func isResult(of plan: MergePlan, configText: [UInt8]) throws(MergeFailure) -> Bool {
        guard configText == self.configText, seed == plan.seed, fileNames == plan.shards.map(\.fileName)
        else {
            return false
        }
        do throws(IOError) {
            for shard in plan.shards {
                let status = try FileSystem.status(folder.appending(shard.fileName))
                guard let status, status.isRegular, status.size == shard.byteCount else { return false }
            }
            let record = try FileSystem.status(folder.appending(Self.recordName))
            guard let record, plan.inputs.allSatisfy({ $0.modified <= record.modified }) else { return false }
        } catch {
            throw .io(error)
        }
        do throws(MergeFailure) {
            try check(plan)
        } catch {
            guard error.kind == .inputChanged || error.kind == .recordUnusable else { throw error }
            return false
        }
        return true
    }

    /// The audit of the folder against a plan that was checked.
    public func audit(
        _ plan: MergePlan, readable: ReadableFolders, seed: UInt64, progress: MergeProgress, stop: StopRequest
    ) -> OutputAudit {
        let constants = constants
        return OutputAudit(
            plan, readable: readable, folder: folder, fileNames: fileNames, seed: seed, progress: progress,
            stop: stop
        ) { _, tensor in constants[tensor.name] }
    }

    // MARK: Reading

    private static func read(_ path: FilePath, limit: Int) throws(MergeFailure) -> [UInt8] {
        do {
            return try FileSystem.readWhole(path, limit: limit)
        } catch  where error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory {
            throw MergeFailure(
                .recordMissing, "\(path): is not there (name a folder that dellad has merged)")
        } catch {
            throw .io(error)
        }
    }

    private static func inputs(_ json: JSON) -> [Input]? {
        guard let entries = json["inputs"]?.arrayValue else { return nil }
        let inputs = entries.compactMap { entry -> Input? in
            guard let file = entry["file"]?.stringValue,
                let size = entry["size"]?.intValue.flatMap({ UInt64(exactly: $0) }),
                let checksum = entry["header_crc32c"]?.stringValue.flatMap({ UInt32($0, radix: 16) })
            else { return nil }
            return Input(
                model: entry["model"]?.stringValue, file: file, size: size, headerChecksum: checksum)
        }
        return inputs.count == entries.count ? inputs : nil
    }

    /// The names of the shards; none leads out of the folder.
    private static func fileNames(_ json: JSON) -> [String]? {
        guard let entries = json["files"]?.arrayValue else { return nil }
        let names = entries.compactMap { $0["name"]?.stringValue }.filter { $0.hasSuffix(".safetensors") }
        return names.allSatisfy { FilePath.Component($0)?.kind == .regular } ? names : nil
    }

    private static func unusable(_ path: FilePath, _ what: String) -> MergeFailure {
        MergeFailure(.recordUnusable, "\(path): \(what) (copy it again, or merge again)")
    }

    private static func other(_ path: FilePath, _ what: String) -> MergeFailure {
        MergeFailure(
            .inputChanged, "\(path): \(what) (name the folders of the same models with --models)")
    }
}
