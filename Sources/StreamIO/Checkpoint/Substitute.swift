import SystemPackage

/// What a folder without a model's weights has in their place: a model below it, or one in another program's format.
enum Substitute {
    /// Names that are tried as subfolders, at most.
    private static let lookLimit = 200

    /// Why there is no model.
    ///
    /// - Parameter names: the folder's, sorted.
    static func reason(
        _ directory: FilePath, _ names: [String], _ folders: ReadableFolders
    ) -> CheckpointError.Reason {
        var models: [String] = []
        var foreign = foreignFile(names)
        for name in names.prefix(lookLimit) + snapshots(directory, names, folders) {
            let folder = directory.appending(name)
            guard
                let below = try? folders.entries(of: folder, limit: Checkpoint.entryLimit).sorted(by: {
                    ExactString($0) < ExactString($1)
                })
            else { continue }
            if isModel(Set(below)) { models.append(name) }
            foreign = foreign ?? foreignFile(below).map { "\(name)/\($0)" }
        }
        if !models.isEmpty {
            return .elsewhere(folders: models.sorted { number($0) < number($1) })
        }
        return foreign.map { .foreign(file: $0) } ?? .noModel
    }

    /// What Hugging Face's cache has of a model, two folders below its own.
    private static func snapshots(
        _ directory: FilePath, _ names: [String], _ folders: ReadableFolders
    ) -> [String] {
        let name = "snapshots"
        guard names.contains(name),
            let commits = try? folders.entries(of: directory.appending(name), limit: lookLimit)
        else { return [] }
        return commits.sorted().map { "\(name)/\($0)" }
    }

    private static func isModel(_ names: Set<String>) -> Bool {
        let hasSafetensors = names.contains { name in
            name.hasSuffix(".safetensors") && !name.hasPrefix(".") && !name.hasPrefix("adapter_")
        }
        return hasSafetensors || CheckpointFormat(names) == .torch
    }

    private static func foreignFile(_ names: [String]) -> String? {
        names.first { name in
            !name.hasPrefix(".") && ForeignFormat(fileName: name) != nil
        }
    }

    /// `checkpoint-200` before `checkpoint-1000`.
    private static func number(_ name: String) -> Int {
        name.split(separator: "-").last.flatMap { Int($0) } ?? 0
    }
}
