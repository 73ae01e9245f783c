import Della
import StreamIO
import SystemPackage

/// The folder that fetched models lie in, as Hugging Face's cache does: `models--ORG--NAME/snapshots/COMMIT`, and
/// `refs/REVISION`, which says the commit.
///
/// What is on its way is in a hidden folder beside them. A snapshot gets its name when it is whole, checked and on the
/// disk: nothing half-fetched has a name that a config finds.
struct FetchStore: Hashable, Sendable {
    /// The folder of models.
    let root: FilePath

    /// What is on its way.
    var staging: FilePath { root.appending(ModelLibrary.stagingName) }

    /// What a model's files come into. One folder a commit: what was fetched of another is of no use.
    func staging(_ model: HubModel, commit: String?) -> FilePath {
        let name = HubModel(name: model.name, revision: commit) ?? model
        return staging.appending(name.fileName)
    }

    private func entry(_ model: HubModel) -> FilePath {
        root.appending("models--" + model.name.replacing("/", with: "--"))
    }

    /// Where a commit of a model has its name. Where no commit is known, the revision takes its place.
    func snapshot(_ model: HubModel, commit: String?) -> FilePath {
        let name = commit ?? model.revision ?? HubModel.mainRevision
        return entry(model).appending("snapshots").appending(name.replacing("/", with: "--"))
    }

    /// Whether this commit of a model is there, whole: it has its name.
    func holds(_ model: HubModel, commit: String?) throws(IOError) -> Bool {
        try FileSystem.status(snapshot(model, commit: commit))?.isDirectory ?? false
    }

    /// Makes the folder that a model's files come into.
    func prepare(_ model: HubModel, commit: String?) throws(IOError) -> FilePath {
        let folder = staging(model, commit: commit)
        try Spool.createFolders(to: folder)
        return folder
    }

    /// Gives a model that is whole and on the disk its name, and lets its revision say so.
    ///
    /// In each window: before the rename, it is still on its way; after it, it is there, and the next fetch writes the
    /// revision.
    func publish(_ model: HubModel, commit: String?) throws(IOError) {
        let target = snapshot(model, commit: commit)
        try Spool.createFolders(to: target.removingLastComponent())
        try FileSystem.rename(staging(model, commit: commit), to: target, replacing: false)
        try FileSystem.syncFolder(target.removingLastComponent())
        try FileSystem.syncFolder(entry(model))
        try FileSystem.syncFolder(root)
    }

    /// Lets a revision name its commit.
    func point(_ model: HubModel, to commit: String?) throws(IOError) {
        let revision = model.revision ?? HubModel.mainRevision
        let name = snapshot(model, commit: commit).lastComponent?.string ?? ""
        guard revision != name else { return }
        let reference = entry(model).appending("refs").pushing(FilePath(revision))
        try Spool.createFolders(to: reference.removingLastComponent())
        try FileSystem.replaceAtomically(reference, with: Array(name.utf8))
    }

    // MARK: Files

    /// Bytes of all files in a folder, hidden ones and those that are still written among them.
    static func bytes(in folder: FilePath, depth: Int = 0) -> UInt64 {
        guard depth < 8, let names = try? FileSystem.entries(of: folder, limit: HubListing.fileLimit) else {
            return 0
        }
        return names.reduce(0) { sum, name in
            let path = folder.appending(name)
            guard let status = (try? FileSystem.status(path, followLinks: false)) ?? nil else { return sum }
            return sum.addingSaturated(status.isDirectory ? bytes(in: path, depth: depth + 1) : status.size)
        }
    }

    /// Paths of all files in a folder that are not hidden, below it.
    static func files(in folder: FilePath, below prefix: String = "", depth: Int = 0) throws(IOError)
        -> [HubFile]
    {
        guard depth < 8 else { return [] }
        var files: [HubFile] = []
        for name in try FileSystem.entries(of: folder, limit: HubListing.fileLimit) where !name.hasPrefix(".")
        {
            let path = folder.appending(name)
            guard let status = try FileSystem.status(path, followLinks: false) else { continue }
            if status.isDirectory {
                files += try self.files(in: path, below: prefix + name + "/", depth: depth + 1)
            } else if status.isRegular {
                files.append(HubFile(path: prefix + name, size: status.size))
            }
        }
        return files
    }

    /// Removes what a downloader left unfinished that no later run of it goes on with: it writes to names of one run,
    /// `….12345678.incomplete`.
    static func removeLeftovers(in folder: FilePath) {
        let place = folder.appending(".cache").appending("huggingface").appending("download")
        for name in (try? FileSystem.entries(of: place, limit: HubListing.fileLimit)) ?? [] {
            let parts = name.split(separator: ".")
            if parts.last == "incomplete", parts.dropLast().last?.utf8.count == 8 {
                try? FileSystem.remove(place.appending(name))
            }
        }
    }
}
