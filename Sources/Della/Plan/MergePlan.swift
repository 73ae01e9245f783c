import SystemPackage

/// All that one merge will do, decided before a weight is read.
///
/// A value: printable and comparable; any shard can be built from it alone.
public struct MergePlan: Hashable, Sendable {
    /// What is done.
    public var method: MethodRules
    /// Key of the random numbers.
    public var seed: UInt64
    /// The files that tensors are read from, base first, each once.
    public var inputs: [InputFile]
    /// The output's files of weights, in order.
    public var shards: [OutputShard]
    /// What is written beside the shards, `dellad.json` excepted, which knows the checksums.
    public var companions: [CompanionFile]
    /// What the reader of the config should know, in the order found.
    public var warnings: [String]
    /// `memory` of the config's `dellad:` section, in bytes: may only lower the host's budget.
    public var memoryLimit: UInt64?
    /// `retry` of the config's `dellad:` section: how often ENOSPC and EIO are tried again.
    public var retries: Int
    /// The models as the config names them, base first, then in order; for reports, never a local path.
    public var modelNames: [String]
    /// The folder of each of them, in which its own weights are and not its adapter's.
    var folders: [FilePath] = []
    /// What the folders of the inputs are called, adapters' too; a model and what adapters make of it share theirs.
    var folderNames: [FilePath: String] = [:]
    /// How each of them calls the tensors that the base calls otherwise, `model.* for language_model.model.*`; `nil` for
    /// one that does not. For reports.
    public var namings: [String?] = []
    /// What an adapter does to each of them; `nil` where there is none. For reports.
    public var adapters: [String?] = []
    /// Index of the base among them; `nil` where the config names none.
    public var base: Int?
    /// What is done with the rows of embeddings and heads; `nil` where all models' are taken as they are.
    public var vocabulary: VocabularyReport?
    /// What model cards say of it, where it is a stage of a recipe.
    var card: StageCard?
    /// The folders of earlier stages, which are nobody's business.
    var stageFolders: Set<FilePath> = []

    /// A plan of these parts.
    public init(
        method: MethodRules, seed: UInt64, inputs: [InputFile], shards: [OutputShard],
        companions: [CompanionFile] = [], warnings: [String] = [], memoryLimit: UInt64? = nil,
        retries: Int = 0, modelNames: [String] = [], base: Int? = 0, vocabulary: VocabularyReport? = nil
    ) {
        self.method = method
        self.seed = seed
        self.inputs = inputs
        self.shards = shards
        self.companions = companions
        self.warnings = warnings
        self.memoryLimit = memoryLimit
        self.retries = retries
        self.modelNames = modelNames
        self.base = base
        self.vocabulary = vocabulary
    }
}

extension MergePlan {
    /// What the plan takes while it is merged, in bytes: its tensors, the largest header, and something for each file.
    var memory: UInt64 {
        let tensors = shards.first?.tensors.storage.tensors.memory ?? 0
        let header = shards.map(\.headerByteCount).max() ?? 0
        return tensors + UInt64(header) + UInt64(shards.count * 512)
    }

    /// Of these, what the budget has to give.
    var memoryOfBudget: UInt64 { memory - min(memory, PlanMemory.allowance) }

    /// The revision of the numerics that this program computes of the plan's tensors. Results of different revisions
    /// differ.
    public var numericsRevision: Int {
        for shard in shards {
            for tensor in shard.tensors {
                if case .merge(let merge) = tensor.source { return merge.rule.numericsRevision }
            }
        }
        return MergeRule.revisionOfCopies
    }

    /// The folders of the input files, each once: the base's first, models' and adapters'.
    public var modelFolders: [FilePath] {
        var folders: [FilePath] = []
        for input in inputs where !folders.contains(input.folder) { folders.append(input.folder) }
        return folders
    }

    /// Those of them whose weights are in PyTorch's format.
    var torchFolders: Set<FilePath> {
        Set(inputs.lazy.filter { $0.path.extension == "bin" }.map(\.folder))
    }
}
