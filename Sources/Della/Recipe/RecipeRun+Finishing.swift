import StreamIO
import SystemPackage

/// What is done about a merge without planning it again: as of `MergeRun`, and its stages with it.
extension RecipeRun {
    /// Finishes a merge whose journal says complete; see `MergeRun.finishPublished`.
    public static func finishPublished(
        output: FilePath, config: [UInt8]?, mayName: Bool, beforeForgetting: () throws -> Void = {}
    ) throws(MergeFailure) -> Bool {
        try MergeRun.finishPublished(
            output: output, config: config, mayName: mayName,
            beforeForgetting: {
                try settle(RecipeParts(output: output))
                try beforeForgetting()
            })
    }

    private static func settle(_ parts: RecipeParts) throws {
        guard try parts.isThere else { return }
        let lock = try FileLock.take(parts.lockFile)
        try parts.settle()
        withExtendedLifetime(lock) {}
    }

    /// Where a recipe publishes the stages that it keeps, beside its result; none for a config of one document.
    public static func keptPlaces(of text: [UInt8], output: FilePath) -> [FilePath] {
        let parts = RecipeParts(output: output)
        return MergeRecipe(text).stages.filter { $0.isKept && !$0.isResult }.map {
            parts.published($0.name ?? "")
        }
    }

    /// Whether a merge is whole and only lacks its name, or the end of its journal.
    public static func isComplete(output: FilePath) throws(MergeFailure) -> Bool {
        try MergeRun.isComplete(output: output)
    }

    /// Removes what a merge has left that will not be taken up again: the stages first, so that none is left whose result
    /// nobody knows.
    ///
    /// - Throws: `MergeFailure`, `underWay` where another process is at it.
    public static func discard(output: FilePath) throws(MergeFailure) {
        let parts = RecipeParts(output: output)
        do throws(IOError) {
            if try parts.isThere {
                let lock = try FileLock.take(parts.lockFile)
                try parts.remove()
                withExtendedLifetime(lock) {}
            }
        } catch {
            throw .publication(error, output: output)
        }
        try MergeRun.discard(output: output)
    }
}
