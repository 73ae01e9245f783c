import StreamIO
import SystemPackage

/// The files of models, none of which a result may replace.
public struct ModelFiles {
    /// How the pages and traces begin that this program writes: one that an earlier run left may be replaced.
    private static let marks = ["<!DOCTYPE html>", "{\"displayTimeUnit\""].map { Array($0.utf8) }

    private let folders: [FilePath]

    public init(_ folders: some Sequence<FilePath>) { self.folders = Array(folders) }

    /// Refuses a place for a result that has a file of a model, by whatever name.
    ///
    /// - Parameter words: what named it, `--trace FILE`.
    /// - Throws: `cannotCreateOutput`.
    public func refuse(_ path: FilePath, words: String) throws(MergeFailure) {
        guard let folder = folder(of: path), !isResult(path) else { return }
        throw MergeFailure(
            .cannotCreateOutput,
            "\(words): cannot be written: it is a file of the model in \(folder) (name another file)")
    }

    private func folder(of path: FilePath) -> FilePath? {
        guard let status = try? FileSystem.status(path), status.isRegular else { return nil }
        return folders.first { folder in
            let names = (try? FileSystem.entries(of: folder, limit: Checkpoint.entryLimit)) ?? []
            return names.contains { name in
                guard let entry = try? FileSystem.status(folder.appending(name)) else { return false }
                return entry.isSameFile(as: status)
            }
        }
    }

    private func isResult(_ path: FilePath) -> Bool {
        guard let file = try? OpenFile.forReading(path, direct: false),
            let start = try? file.read(upTo: 32, at: 0)
        else { return false }
        return Self.marks.contains { start.starts(with: $0) }
    }
}

extension MergeOptions {
    /// - Throws: where the trace would replace a file of one of these models.
    func refuseTrace(asOneOf folders: some Sequence<FilePath>) throws(RecipeError) {
        guard let trace else { return }
        do throws(MergeFailure) {
            try ModelFiles(folders).refuse(trace, words: "--trace \(trace)")
        } catch {
            throw .failure(error)
        }
    }
}
