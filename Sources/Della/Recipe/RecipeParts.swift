import StreamIO
import SystemPackage

/// What the stages of a recipe make besides its result, `.NAME.parts` beside the output while it is merged.
///
/// `STAGE` is a stage that is whole, as `.STAGE.made` says, which names what it was made of; `.STAGE.partial` and so on
/// one under way. `.keep` lists the stages to be published, `.lock` keeps all of it for one process, and
/// `.skeletons` holds what planning needs.
struct RecipeParts: Sendable {
    /// The folder that is published.
    let output: FilePath
    /// The folder that holds it.
    let parent: FilePath
    /// `.NAME.parts`
    let path: FilePath

    /// Bytes of a file that names stages, or what one was made of, at most.
    private static let noteLimit = 64 << 20

    init(output: FilePath) {
        self.output = output
        parent = output.parent
        path = parent.appending(".\(output.lastComponent?.string ?? "").parts")
    }

    var skeletons: FilePath { path.appending(".skeletons") }
    private var keepList: FilePath { path.appending(".keep") }
    var lockFile: FilePath { path.appending(".lock") }

    /// Where a stage is merged.
    func stage(_ name: String) -> FilePath { path.appending(name) }

    /// What tells that it is whole.
    private func made(_ name: String) -> FilePath { path.appending(".\(name).made") }

    /// Where a stage that is kept is published.
    func published(_ name: String) -> FilePath {
        parent.appending("\(output.lastComponent?.string ?? "").\(name)")
    }

    /// Whether anything is there.
    var isThere: Bool {
        get throws(IOError) { try FileSystem.status(path, followLinks: false) != nil }
    }

    // MARK: Beginning

    /// Makes the folder ready for a run: notes what is to be published, and removes what no stage needs.
    ///
    /// - Parameter stages: all but the result.
    func prepare(for stages: [RecipeStage]) throws(IOError) {
        let names = stages.compactMap(\.name)
        let kept = stages.filter(\.isKept).compactMap(\.name)
        let list = Array(kept.map { $0 + "\n" }.joined().utf8)
        if try note(keepList) != list { try FileSystem.replaceAtomically(keepList, with: list) }
        var wanted: Set<String> = [keepList, lockFile].reduce(into: []) {
            $0.insert($1.lastComponent?.string ?? "")
        }
        for name in names {
            wanted.formUnion(
                [name] + ["made", "partial", "journal", "statistics"].map { ".\(name).\($0)" })
        }
        for entry in try FileSystem.entries(of: path) where !wanted.contains(entry) {
            try FileSystem.removeTree(path.appending(entry))
        }
    }

    /// Removes the folder if no stage has been begun.
    func removeIfUnused() throws(IOError) {
        guard try isThere else { return }
        let own = [keepList, lockFile, skeletons].compactMap { $0.lastComponent?.string }
        guard try FileSystem.entries(of: path).allSatisfy(own.contains) else { return }
        try remove()
    }

    /// Removes all of it.
    func remove() throws(IOError) {
        guard try isThere else { return }
        try FileSystem.removeTree(path)
        try FileSystem.syncFolder(parent)
    }

    // MARK: Stages

    /// Whether a stage is whole and was made of just that.
    func isMade(_ name: String, _ identity: MergeIdentity, _ plan: MergePlan) throws(IOError) -> Bool {
        guard try difference(name, identity) == nil else { return false }
        for shard in plan.shards {
            let file = stage(name).appending(shard.fileName)
            guard let status = try FileSystem.status(file, followLinks: false), status.isRegular,
                status.size == shard.byteCount
            else { return false }
        }
        return true
    }

    /// Why what a stage was made of is not that; `nil` where it is.
    private func difference(_ name: String, _ identity: MergeIdentity) throws(IOError) -> String? {
        guard let bytes = try note(made(name)), bytes.last == UInt8(ascii: "\n"),
            case .began(let earlier) = JournalRecord(line: bytes.dropLast())
        else { return "it is not whole" }
        return identity.difference(from: earlier)
    }

    /// Notes that a stage is whole, durably.
    func noteMade(_ name: String, _ identity: MergeIdentity) throws(IOError) {
        try FileSystem.replaceAtomically(
            made(name), with: Array(JournalRecord.began(identity).line.utf8))
    }

    /// Removes a stage that is of no use.
    ///
    /// - Returns: why; `nil` where there was nothing.
    func clear(_ name: String, _ identity: MergeIdentity) throws(IOError) -> String? {
        let isNoted = try FileSystem.status(made(name), followLinks: false) != nil
        let reason = isNoted ? try difference(name, identity) ?? "its files are incomplete" : nil
        if isNoted { try FileSystem.remove(made(name)) }
        // One that is whole and not noted yet is its merge's matter.
        let journal = try MergeJournal.read(PartialFolder(output: stage(name)).journal)
        let isSame = journal?.identity.map { identity.difference(from: $0) == nil } ?? false
        let isWhole = !isNoted && isSame && journal?.isComplete == true
        if !isWhole { try FileSystem.removeTree(stage(name)) }
        return reason
    }

    private func note(_ path: FilePath) throws(IOError) -> [UInt8]? {
        guard try FileSystem.status(path, followLinks: false) != nil else { return nil }
        return try FileSystem.readWhole(path, limit: Self.noteLimit, followLinks: false)
    }

    // MARK: Publishing

    /// Publishes the stages that are kept, and removes the others, once the result has its name. Whatever of it was done
    /// before is not done again.
    ///
    /// - Throws: `outputExists` where something else has a stage's name.
    func settle() throws(MergeFailure) {
        do throws(IOError) {
            guard try isThere else { return }
            let kept = String(decoding: try note(keepList) ?? [], as: UTF8.self).split(separator: "\n")
            for name in kept.map(String.init) where RecipeStage.isName(name) {
                guard try FileSystem.status(stage(name), followLinks: false) != nil else { continue }
                do throws(IOError) {
                    try FileSystem.rename(stage(name), to: published(name), replacing: false)
                } catch {
                    guard error.errno == .fileExists else { throw error }
                    throw IOError("publish", published(name), .fileExists)
                }
            }
            if !kept.isEmpty { try FileSystem.syncFolder(parent) }
            try remove()
        } catch {
            throw .publication(error, output: error.operation == "publish" ? error.path : output)
        }
    }
}
