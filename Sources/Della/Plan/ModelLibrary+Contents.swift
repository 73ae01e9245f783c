import StreamIO
import SystemPackage

extension ModelLibrary {
    /// What a model of a hub lacks that has a folder, and what to do: a download that was broken off leaves one, and so
    /// does a program that wanted no weights.
    ///
    /// - Returns: `nil` where its files are there, as far as names and headers say.
    public func lack(of model: HubModel, in folder: FilePath) -> Problem? {
        guard
            case .failure(let problem) = OpenFolder.open(folder, of: self, room: .max, isStopped: { false }),
            problem.isUnfinished
        else { return nil }
        let reference = ModelReference(path: model.name, revision: model.revision)
        return problem.problem(of: reference, line: 1, download: completion(of: reference, in: folder))
    }
}
