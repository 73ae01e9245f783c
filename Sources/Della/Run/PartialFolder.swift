import StreamIO
import SystemPackage

/// The places of one merge: the output, and the partial folder and journal beside it while it is under way.
struct PartialFolder: Hashable, Sendable {
    /// The folder that is published.
    let output: FilePath
    /// The folder that holds it: OUTPUT.
    let parent: FilePath
    /// `.NAME.partial`
    let path: FilePath
    /// `.NAME.journal`
    private(set) var journal: FilePath
    /// `.NAME.statistics`
    private(set) var statistics: FilePath
    /// `.NAME.journals`: those of the parts, where several processes write the shards.
    let journals: FilePath

    init(output: FilePath) {
        self.output = output
        let name = output.lastComponent?.string ?? ""
        parent = output.parent
        path = parent.appending(".\(name).partial")
        journal = parent.appending(".\(name).journal")
        statistics = parent.appending(".\(name).statistics")
        journals = parent.appending(".\(name).journals")
    }

    /// The places of one of several merges that write shards into the same folder.
    ///
    /// - Parameter name: begins the names of its own files in `journals`.
    func part(named name: String) -> Self {
        var part = self
        part.journal = journals.appending("\(name).journal")
        part.statistics = journals.appending("\(name).statistics")
        return part
    }

    /// Begins with an empty folder: one that nothing durable is in says nothing about what it holds.
    func renew() throws(IOError) {
        if try FileSystem.status(path, followLinks: false) != nil { try FileSystem.removeTree(path) }
        try FileSystem.createFolder(path)
        try FileSystem.syncFolder(parent)
    }

    /// Removes the partial folder, the figures and the journal. The journal last: without it nobody would know the rest.
    func discard() throws(IOError) {
        if try FileSystem.status(path, followLinks: false) != nil { try FileSystem.removeTree(path) }
        if try FileSystem.status(statistics, followLinks: false) != nil { try FileSystem.remove(statistics) }
        if try FileSystem.status(journal, followLinks: false) != nil { try FileSystem.remove(journal) }
        try FileSystem.syncFolder(parent)
    }

    /// Whether parts of the output are or were written, each with a journal of its own.
    var isInParts: Bool {
        get throws(IOError) { try FileSystem.status(journals, followLinks: false) != nil }
    }

    /// - Throws: `underWay` where the output is made in parts: what is in the folder is theirs.
    func refuseParts() throws(MergeFailure) {
        do throws(IOError) {
            guard try isInParts else { return }
        } catch {
            throw .creation(error, output: output)
        }
        throw MergeFailure(
            .underWay,
            "\(output): is being merged in parts (go on with merge --part and assemble, or remove \(path) and "
                + "\(journals))")
    }

    /// Whether the shards that a journal speaks of are there.
    func holds(_ point: ResumePoint, of plan: MergePlan) throws(IOError) -> Bool {
        for (index, shard) in plan.shards.prefix(point.shard + 1).enumerated() {
            let needed = index < point.shard ? shard.byteCount : point.offset
            guard needed > 0 else { continue }
            // Another machine may have written it.
            let status = try FileSystem.statusAnew(path.appending(shard.fileName))
            guard let status, status.isRegular,
                index < point.shard ? status.size == needed : status.size >= needed
            else { return false }
        }
        return true
    }

    /// The folder and its shards as files, whatever has their names later.
    struct Contents {
        fileprivate let folder: FileStatus?
        /// In order.
        fileprivate var shards: [FileStatus?] = []
    }

    /// Whether the names are still those of the folder and the shards that were written.
    func holds(_ contents: Contents, of plan: MergePlan) throws(IOError) -> Bool {
        guard try isFolder(contents, at: path) else { return false }
        for (shard, written) in zip(plan.shards, contents.shards) {
            guard let status = try FileSystem.status(path.appending(shard.fileName), followLinks: false),
                let written, status.isSameFile(as: written), status.isRegular, status.size == shard.byteCount
            else { return false }
        }
        return true
    }

    /// Whether what has a name is the folder that was written.
    func isFolder(_ contents: Contents, at path: FilePath) throws(IOError) -> Bool {
        guard let status = try FileSystem.status(path, followLinks: false), let folder = contents.folder
        else {
            return false
        }
        return status.isDirectory && status.isSameFile(as: folder)
    }

    /// Creates the shards that are still to be written and sets their space aside, so that a disk that is too
    /// small says so now.
    func reserve(_ plan: MergePlan, from point: ResumePoint) throws(IOError) -> Contents {
        var contents = Contents(folder: try FileSystem.status(path, followLinks: false))
        for shard in plan.shards.prefix(point.shard) {
            contents.shards.append(
                try FileSystem.status(path.appending(shard.fileName), followLinks: false))
        }
        for (index, shard) in plan.shards.enumerated().dropFirst(point.shard) {
            let file = path.appending(shard.fileName)
            let isContinued = index == point.shard && point.offset > 0
            if !isContinued, try FileSystem.status(file, followLinks: false) != nil {
                try FileSystem.remove(file)
            }
            let open =
                isContinued
                ? try OpenFile.forUpdating(file, direct: false) : try OpenFile.creating(file, direct: false)
            do throws(IOError) {
                try open.reserve(shard.byteCount)
            } catch  where error.errno == .notSupported {
                // A file system without allocation fills up as it goes.
            }
            contents.shards.append(try open.status())
        }
        // What is durable of a shard must have its name.
        try FileSystem.syncFolder(path)
        return contents
    }

    /// Gives back what was set aside and not written; what is durable stays for a retry.
    func releaseReservation(_ plan: MergePlan, from point: ResumePoint) {
        for (index, shard) in plan.shards.enumerated().dropFirst(point.shard) {
            let file = path.appending(shard.fileName)
            guard (try? FileSystem.status(file, followLinks: false)) != nil else { continue }
            if index == point.shard, point.offset > 0 {
                _ = try? OpenFile.forUpdating(file, direct: false).truncate(to: point.offset)
            } else {
                try? FileSystem.remove(file)
            }
        }
    }
}
