import StreamIO
import SystemPackage

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
        /// Whose it is, for messages; no journal has it.
        var model: String?
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
                modified: file.modified, changed: file.changed, headerChecksum: file.headerChecksum,
                model: plan.folderNames[file.folder] ?? file.folder.modelName)
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
        for (input, other) in zip(inputs, earlier.inputs) {
            if let difference = input.difference(from: other) { return difference }
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

extension MergeIdentity.Input {
    /// What of a file is not as it was; `nil` where nothing is.
    fileprivate func difference(from earlier: Self) -> String? {
        let file = "the model file \(name)" + (model.map { " of \($0)" } ?? "")
        if name != earlier.name { return "\(file) is in the place of \(earlier.name)" }
        let isLater = modified != earlier.modified
        let differences = [
            size == earlier.size ? nil : "size", headerChecksum == earlier.headerChecksum ? nil : "header",
            isLater ? "time" : nil,
            inode == earlier.inode ? nil : "place on the disk",
            // Every change of the content is one of these too.
            changed == earlier.changed || isLater || inode != earlier.inode ? nil : "attributes",
        ].compactMap(\.self)
        guard let last = differences.last else { return nil }
        let isOnAnyMachine = inode == 0 && changed == 0
        if differences == ["time"], isOnAnyMachine {
            return
                "\(file) has changed: its time, and nothing else; copies must keep their times: rsync -t, cp -p"
        }
        let others = differences.dropLast().joined(separator: ", ")
        return "\(file) has changed: its \(others.isEmpty ? last : "\(others) and \(last)")"
    }
}

extension FilePath {
    /// As much of a model's folder as tells it from others: `Org/Name`.
    fileprivate var modelName: String {
        let names = components.map(\.string)
        // Hugging Face's cache has the name two folders above.
        let count = names.dropLast().last == "snapshots" ? 3 : 2
        return names.suffix(count).joined(separator: "/")
    }
}
