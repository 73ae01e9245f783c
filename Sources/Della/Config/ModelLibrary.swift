import StreamIO
import SystemPackage

/// Finds the folders of models by the names that configs give them.
///
/// A name is a path, or is looked up below each folder as `Org/Name`, `Name`, `Org_Name`, `Org--Name`, and in
/// Hugging Face's cache layout, `models--Org--Name/snapshots/COMMIT`. `~` and variables are not expanded.
public struct ModelLibrary: Sendable {
    /// Folders and subfolders that a search for similar names looks at, at most.
    static let nameLimit = 2_000
    /// A folder of models that are on their way, in which no config finds any.
    public static let stagingName = ".dellad-fetch"

    /// The `--models` folders, searched in order.
    public var folders: [FilePath]
    /// Where relative paths begin; `nil` where configs may not name any.
    public var workingDirectory: FilePath?
    /// Whether a model may lie outside of `folders`.
    public var allowsAnyPath: Bool

    /// Hugging Face's cache of whoever asks, searched after `folders`, in its own layout alone; `nil` for none.
    public var cache: FilePath?

    /// What the earlier documents of a recipe make, by their names, which beat those of models.
    var stages: [String: Stage] = [:]

    /// Where that is.
    enum Stage: Hashable, Sendable {
        case folder(FilePath)
        /// Nowhere, as it could not be planned, which is told elsewhere.
        case unplanned
    }

    /// A library of these folders; none of them has to exist.
    public init(
        folders: [FilePath], workingDirectory: FilePath?, allowsAnyPath: Bool, cache: FilePath? = nil
    ) {
        self.folders = folders
        self.cache = cache
        self.workingDirectory = workingDirectory
        self.allowsAnyPath = allowsAnyPath
    }

    /// What became of a search.
    enum Result: Hashable, Sendable {
        /// The folder, and whether it is known to be the revision asked for.
        case found(FilePath, isRevision: Bool)
        /// Outside of the folders that may be used, whether there or not.
        case forbidden(FilePath)
        /// Nowhere that this user may look; here they may not.
        case denied(FilePath)
        /// A stage of the recipe that could not be planned.
        case unplanned
        case missing
    }

    /// Looks a model up.
    func find(_ model: ModelReference) -> Result {
        switch stages[model.path] {
        case .folder(let folder): return .found(folder, isRevision: model.revision == nil)
        case .unplanned: return .unplanned
        case nil: break
        }
        var forbidden: FilePath?
        var denied: FilePath?
        for candidate in candidates(model) {
            do throws(IOError) {
                guard try readable.status(candidate.path)?.isDirectory == true else { continue }
                return .found(candidate.path, isRevision: candidate.isRevision)
            } catch {
                // Whether anything is there is nobody's business.
                if error.errno == .improperLink { forbidden = forbidden ?? candidate.path }
                if error.errno == .permissionDenied { denied = denied ?? candidate.path }
            }
        }
        if let forbidden { return .forbidden(forbidden) }
        return (denied ?? closedCacheEntry(model)).map { .denied($0) } ?? .missing
    }

    /// The folder of a model, links resolved; `nil` where it is not found.
    func place(of model: ModelReference) -> FilePath? {
        guard case .found(let folder, _) = find(model) else { return nil }
        return (try? FileSystem.resolved(folder)) ?? folder
    }

    /// The folder of a model, and of its adapter: what one model has alone, whatever it is called.
    func places(of model: ModelReference) -> [FilePath]? {
        guard let place = place(of: model) else { return nil }
        guard let adapter = model.adapter else { return [place] }
        let models = withoutStages
        guard let own = models.adapter(named: adapter).flatMap(models.place(of:)) else { return nil }
        return [place, own]
    }

    /// An adapter by its name, or a folder of that whole name, as `lora:` may have one with `+` in it.
    func adapter(named name: String) -> ModelReference? {
        if let reference = ModelReference(name), reference.adapter == nil { return reference }
        let whole = ModelReference(path: name)
        if case .found = find(whole) { return whole }
        return nil
    }

    /// The folder that a model of a hub is in, at the revision that is asked for; `nil` where that is not known to be
    /// there.
    public func folder(of model: HubModel) -> FilePath? {
        guard
            case .found(let folder, let isRevision) = find(
                ModelReference(path: model.name, revision: model.revision)), isRevision
        else { return nil }
        return folder
    }

    /// What models are read from: any folder, or `folders` and what their links lead to within them.
    public var readable: ReadableFolders {
        allowsAnyPath ? .all : ReadableFolders(folders + stageFolders)
    }

    /// The folders of the stages that have one.
    var stageFolders: [FilePath] {
        stages.values.compactMap { if case .folder(let folder) = $0 { folder } else { nil } }
    }

    /// The models alone: no adapter is a stage's.
    var withoutStages: Self {
        var models = self
        models.stages = [:]
        return models
    }

    /// What the files beside the weights of a model are copied from. Whoever made the model may have put links there: of
    /// a model outside of `folders` they may lead to its own folder, or to its own part of Hugging Face's cache.
    ///
    /// - Parameter folder: the model's.
    public func copyable(of folder: FilePath) -> ReadableFolders {
        guard allowsAnyPath else { return readable }
        let place = (try? FileSystem.resolved(folder)) ?? folder
        let parts = Array(place.components)
        guard let entry = parts.lastIndex(where: { $0.string.hasPrefix("models--") }),
            parts.dropFirst(entry + 1).first == "snapshots"
        else { return ReadableFolders(folders + [folder, place]) }
        return ReadableFolders(folders + [FilePath(root: place.root, parts[...entry])])
    }

    /// Whether a file or folder may be read: any, or what is there in `folders`.
    func permits(_ path: FilePath) -> Bool { allowsAnyPath || readable.permits(path) }

    /// The places where a model may be, in the order searched.
    func candidates(_ model: ModelReference) -> [(path: FilePath, isRevision: Bool)] {
        let path = FilePath(model.path)
        guard !path.components.contains(where: { $0.string == Self.stagingName }) else { return [] }
        let isPlain = model.revision == nil
        if path.isAbsolute { return [(path, isPlain)] }
        var found: [(FilePath, Bool)] = []
        if let workingDirectory { found.append((workingDirectory.pushing(path), isPlain)) }
        let parts = model.path.split(separator: "/").map(String.init)
        for folder in folders {
            var plain = [folder.pushing(path)]
            // ~/Name is no organisation's: the Name of these folders need not be the one at home.
            if parts.count == 2, !parts.contains(".."), model.unexpandedStart == nil {
                plain += [parts[1], parts.joined(separator: "_"), parts.joined(separator: "--")]
                    .map { folder.appending($0) }
            }
            let cached = cached(parts, revision: model.revision, in: folder).map { ($0, true) }
            let ordinary = plain.map { ($0, isPlain) }
            found += isPlain ? ordinary + cached : cached + ordinary
        }
        guard let cache else { return found }
        // A snapshot is known to be of its revision.
        let own = cached(parts, revision: model.revision, in: cache).map { ($0, true) }
        return isPlain ? found + own : own + found
    }

    /// The snapshot of a model in a folder with Hugging Face's cache layout.
    private func cached(_ parts: [String], revision: String?, in folder: FilePath) -> [FilePath] {
        guard (1...2).contains(parts.count), !parts.contains("..") else { return [] }
        let entry = folder.appending("models--" + parts.joined(separator: "--"))
        let snapshots = entry.appending("snapshots")
        guard let commits = try? readable.entries(of: snapshots) else { return [] }
        if let revision {
            if commits.contains(revision) { return [snapshots.appending(revision)] }
            let matches = revision.utf8.count >= 7 ? commits.filter { $0.hasPrefix(revision) } : []
            if matches.count == 1 { return [snapshots.appending(matches[0])] }
        }
        let reference = FilePath(revision ?? "main")
        let place = entry.appending("refs").pushing(reference)
        if reference.isRelative, !reference.components.contains(where: { $0.kind != .regular }),
            let bytes = try? readable.readWhole(place, limit: 256)
        {
            let commit = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
            return commits.contains(commit) ? [snapshots.appending(commit)] : []
        }
        // A download of one commit leaves no refs. Of a branch or tag it does, which need not be the main one.
        let references = ((try? readable.entries(of: entry.appending("refs"))) ?? []).filter {
            !$0.hasPrefix(".")
        }
        return revision == nil && commits.count == 1 && references.isEmpty
            ? [snapshots.appending(commits[0])] : []
    }

    func isFolder(_ path: FilePath) -> Bool {
        ((try? readable.status(path)) ?? nil)?.isDirectory ?? false
    }
}

extension ModelLibrary {
    /// The models in the folders, by the names that would find them; at most `nameLimit` places are looked at.
    ///
    /// - Parameter isStopped: asked before each place; what was found until then is returned.
    func names(isStopped: () -> Bool = { false }) -> [String] {
        var names: [String] = stages.keys.sorted()
        var looks = 0
        for folder in folders + [cache].compactMap({ $0 }) {
            for entry in (try? readable.entries(of: folder, limit: Checkpoint.entryLimit)) ?? []
            where !entry.hasPrefix(".") {
                looks += 1
                guard looks <= Self.nameLimit, !isStopped() else { return names }
                if entry.hasPrefix("models--") {
                    names.append(String(entry.dropFirst(8)).replacing("--", with: "/", maxReplacements: 1))
                    continue
                }
                guard folder != cache || folders.contains(folder) else { continue }
                let place = folder.appending(entry)
                let children = (try? readable.entries(of: place)) ?? []
                if children.contains(where: { $0 == "config.json" || $0.hasSuffix(".safetensors") }) {
                    names.append(entry)
                    continue
                }
                for child in children where !child.hasPrefix(".") {
                    looks += 1
                    guard looks <= Self.nameLimit, !isStopped() else { return names }
                    if isFolder(place.appending(child)) {
                        names.append("\(entry)/\(child)")
                    }
                }
            }
        }
        return names
    }

    /// The model that `name` becomes when a web page has eaten its slash; `nil` where none or several would.
    func nameWithSeparatorsRestored(_ name: String, in listing: NameListing) -> String? {
        let key = Self.key(name)
        let matches = listing.names { names() }.filter { $0.key == key && $0.name != name }
        return matches.count == 1 ? matches[0].name : nil
    }

    /// The names most like a model's, best first, at most three; none once the listing's limit is reached.
    ///
    /// - Parameter isStopped: asked before each comparison.
    func namesLike(
        _ name: String, in listing: NameListing = NameListing(), isStopped: () -> Bool = { false }
    ) -> [String] {
        let candidates = listing.names { names(isStopped: isStopped) }
        if let exact = nameWithSeparatorsRestored(name, in: listing) { return [exact] }
        let key = Self.key(name)
        let last = Self.key(String(name.split { $0 == "/" || $0 == "\\" }.last ?? ""))
        // Of a path only the last component can be meant, as it stands or nearly so.
        let isPath = ModelReference(name)?.isLocalPath ?? true
        let limit = isPath ? 2 : max(3, key.count / 3)
        var found: [(name: String, distance: Int)] = []
        for candidate in candidates {
            guard listing.mayCompare(key, candidate.key), !isStopped() else { return [] }
            let whole = NearestName.distance(key, candidate.key, limit: limit)
            let tail = 1 + NearestName.distance(last, candidate.tail, limit: limit)
            found.append((candidate.name, min(whole, tail)))
        }
        guard let best = found.map(\.distance).min(), best < limit else { return [] }
        return found.filter { $0.distance == best }.map(\.name).sorted().prefix(3).map { $0 }
    }

    /// A name without case and separators.
    static func key(_ name: String) -> String {
        name.lowercased().filter { !"/_-. ".contains($0) }
    }
}
