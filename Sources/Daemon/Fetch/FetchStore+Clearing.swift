import StreamIO
import SystemPackage

/// What dellad has fetched, and what of it may go.
extension FetchStore {
    /// A fetched model, and when it was fetched or used last, in nanoseconds since the epoch.
    struct Held: Hashable {
        var folder: FilePath
        var model: FetchedModel
        var used: Int64
    }

    /// All that dellad has fetched; what others put there is none of it.
    func held() -> [Held] {
        var held: [Held] = []
        let names = (try? FileSystem.entries(of: root, limit: Spool.entryLimit)) ?? []
        for name in names where name.hasPrefix("models--") {
            let snapshots = root.appending(name).appending("snapshots")
            for commit in (try? FileSystem.entries(of: snapshots, limit: Spool.entryLimit)) ?? [] {
                let folder = snapshots.appending(commit)
                let mark = folder.appending(FetchedModel.fileName)
                guard let model = FetchedModel(in: folder),
                    let status = (try? FileSystem.status(mark, followLinks: false)) ?? nil
                else { continue }
                held.append(Held(folder: folder, model: model, used: status.modified))
            }
        }
        return held
    }

    /// Bytes of all that dellad has fetched.
    var heldBytes: UInt64 { held().reduce(0) { $0.addingSaturated($1.model.bytes) } }

    /// Notes that models in these folders were used; others than fetched ones are passed over.
    func use(_ folders: some Sequence<FilePath>, at time: Int64) {
        for folder in folders where FetchedModel(in: folder) != nil {
            do throws(IOError) {
                let mark = try OpenFile.forUpdating(folder.appending(FetchedModel.fileName), direct: false)
                try mark.setModified(max(time, mark.status().modified))
            } catch {
                // It is cleared a little early, and fetched again where it is wanted.
            }
        }
    }

    /// How long what is on its way stays at the least: three days, in nanoseconds.
    private static let stagingAge: Int64 = 3 * 86_400 * WallTime.second

    /// Removes fetched models that were last used before `limit`, and what is on its way and was left as long.
    ///
    /// A model loses its name first, so that none is ever found in part.
    ///
    /// - Returns: what was removed.
    func clear(before limit: Int64, now: Int64) throws(IOError) -> [FetchedModel] {
        var cleared: [FetchedModel] = []
        try Spool.createFolders(to: staging)
        for held in held() where held.used < limit {
            let aside = staging.appending(".cleared.\(UInt64.random(in: 0 ... .max))")
            try FileSystem.rename(held.folder, to: aside, replacing: false)
            cleared.append(held.model)
        }
        for name in try FileSystem.entries(of: staging, limit: Spool.entryLimit) {
            let path = staging.appending(name)
            guard let status = try FileSystem.status(path, followLinks: false) else { continue }
            // A download under way touches its own folder seldom.
            let isLeft = status.modified < min(limit, now - Self.stagingAge)
            if name.hasPrefix(".cleared.") || isLeft { try FileSystem.removeTree(path) }
        }
        return cleared
    }
}
