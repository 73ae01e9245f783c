import StreamIO

/// What a journal belongs to: another plan, config or input begins anew.
struct MergeIdentity: Hashable, Sendable {
    /// An input as the journal knows it. Its path may change, its content may not.
    struct Input: Hashable, Sendable {
        var name: String
        var size: UInt64
        var inode: UInt64
        var modified: Int64
        var changed: Int64
        var headerChecksum: UInt32
    }

    var revision: Int
    var plan: UInt64
    var config: UInt64
    var inputs: [Input]
    /// Parts of the plan that an option changes, to name the one that did; `nil` in older journals.
    var seed: UInt64?
    var fileCount: Int?

    init(revision: Int, plan: UInt64, config: UInt64, inputs: [Input]) {
        self.revision = revision
        self.plan = plan
        self.config = config
        self.inputs = inputs
    }

    init(_ plan: MergePlan, configText: [UInt8]) {
        revision = plan.numericsRevision
        seed = plan.seed
        fileCount = plan.shards.count
        self.plan = plan.fingerprint
        config = Self.print(of: configText)
        inputs = plan.inputs.map { file in
            Input(
                name: file.path.lastComponent?.string ?? "", size: file.size, inode: file.inode,
                modified: file.modified, changed: file.changed, headerChecksum: file.headerChecksum)
        }
    }

    /// What `config` is of that text.
    static func print(of configText: [UInt8]) -> UInt64 {
        var print = Fingerprint()
        print.add(configText)
        return print.value
    }

    /// Why a merge of `self` cannot go on with what a merge of `earlier` wrote; `nil` where it can.
    func difference(from earlier: Self) -> String? {
        if revision != earlier.revision {
            return "it was begun with revision \(earlier.revision) of the numerics"
        }
        if config != earlier.config { return "the config has changed" }
        if inputs.count != earlier.inputs.count { return "the models' files are others" }
        for (input, other) in zip(inputs, earlier.inputs) where input != other {
            return "the model file \(input.name) has changed"
        }
        guard plan != earlier.plan else { return nil }
        if let seed, let other = earlier.seed, seed != other {
            return "the seed is \(seed), it was begun with \(other)"
        }
        if let fileCount, let other = earlier.fileCount, fileCount != other {
            return
                "it makes \(fileCount) \(fileCount == 1 ? "file" : "files"), it was begun with \(other) (shard_size)"
        }
        return "the plan has changed (a setting, or this program)"
    }
}
