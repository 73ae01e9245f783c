import StreamIO
import SystemPackage

/// What planning a whole recipe has found, before the first weight of any stage is read.
public struct RecipePlan: Sendable {
    /// What the reader of the config should know, in the order of the stages.
    public internal(set) var warnings: [String] = []
    /// How often a full disk or an I/O error may be tried again: the most that a stage says.
    public internal(set) var retries = 0
    /// The folders that the stages' models are in, what earlier stages make among them.
    public internal(set) var modelFolders: Set<FilePath> = []
    /// The merge of a config of one document.
    var single: MergePlan?
    /// What each stage has to do, in order.
    var work: [MergeProgress.Work] = []

    /// Takes in the plan of the next stage.
    mutating func add(_ plan: MergePlan) {
        for warning in plan.warnings where !warnings.contains(warning) { warnings.append(warning) }
        retries = max(retries, plan.retries)
        modelFolders.formUnion(plan.modelFolders)
        work.append(plan.work)
    }
}

extension MergePlan {
    /// What the merge has to do, what it reads twice aside.
    var work: MergeProgress.Work {
        var work = MergeProgress.Work()
        for shard in shards {
            work.tensors += shard.tensors.count
            work.bytes += shard.byteCount
            for tensor in shard.tensors { work.bytes += RowShape(tensor).readBytes }
        }
        return work
    }
}
