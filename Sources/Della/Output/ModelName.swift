import StreamIO
import SystemPackage

/// What model cards, `dellad.json` and warnings call a model: never a local path.
struct ModelName: Hashable, Sendable {
    /// `Org/Name` or `Name` as it was looked up; of a path only the last component.
    let model: String
    /// What its adapter is called, the same way.
    let adapter: String?
    /// The commit or branch that the config asks for.
    let revision: String?
    /// Whether the name was looked up below a `--models` folder or in Hugging Face's cache, and is no path.
    let isLookedUp: Bool

    /// The name of a model that a library has found in `folder`.
    init(_ reference: ModelReference, in folder: FilePath, of library: ModelLibrary) {
        revision = reference.revision
        let (model, isLookedUp) = Self.name(reference, in: folder, of: library)
        self.model = model
        adapter = reference.adapter.map { ModelReference(path: $0).displayName }
        self.isLookedUp = isLookedUp && adapter == nil
    }

    /// `MODEL` or `MODEL+ADAPTER`.
    var text: String { model + (adapter.map { "+" + $0 } ?? "") }

    /// The model with its revision, without its adapter.
    var revisedModel: String { model + (revision.map { "@" + $0 } ?? "") }

    private static func name(
        _ reference: ModelReference, in folder: FilePath, of library: ModelLibrary
    ) -> (text: String, isLookedUp: Bool) {
        if library.stages[reference.path] != nil {
            return (reference.path, false)
        } else if !reference.isLocalPath, library.isLookedUp(reference, in: folder) {
            return (reference.path, true)
        } else if let cached = Self.cached(folder) {
            return (cached, true)
        } else {
            return (folder.lexicallyNormalized().lastComponent?.string ?? reference.displayName, false)
        }
    }

    /// Whether huggingface.co may have the model: a relative path can look like `Org/Name`, too.
    var isHubName: Bool { isLookedUp && text.count { $0 == "/" } == 1 }

    /// `Org/Name` of `models--Org--Name/snapshots/COMMIT`.
    private static func cached(_ folder: FilePath) -> String? {
        let parts = folder.components.map(\.string)
        guard let index = parts.lastIndex(where: { $0.hasPrefix("models--") }),
            parts.dropFirst(index + 1).first == "snapshots"
        else { return nil }
        return String(parts[index].dropFirst(8)).replacing("--", with: "/", maxReplacements: 1)
    }
}

extension ModelLibrary {
    /// Whether `folder`, where a model was found, is the one of that name in the library rather than a path from
    /// the working directory.
    fileprivate func isLookedUp(_ reference: ModelReference, in folder: FilePath) -> Bool {
        let path = FilePath(reference.path)
        guard let workingDirectory, folder == workingDirectory.pushing(path) else { return true }
        guard let place = try? FileSystem.resolved(folder) else { return false }
        return folders.contains { (try? FileSystem.resolved($0.pushing(path))) == place }
    }
}
