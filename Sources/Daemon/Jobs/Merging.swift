import SystemPackage

/// What the spool needs of a merge. Fakes stand in for it in tests.
protocol Merging: Sendable {
    /// Merges, or goes on with, the job whose config was read; on a thread of its own. The run's
    /// `moveConfig` is called when the model has its name and before the journal goes.
    func merge(_ run: JobRun) -> JobOutcome

    /// Finishes the last steps of a merge whose journal says complete.
    ///
    /// - Parameters:
    ///   - config: the config that it must be of; `nil` for any.
    ///   - mayName: whether one that lacks its name gets it.
    ///   - moveConfig: called when the model has its name and before the journal goes.
    /// - Returns: false where there is none.
    func finishPublished(
        _ output: FilePath, config: [UInt8]?, mayName: Bool, moveConfig: () throws -> Void
    ) throws(JobFailure) -> Bool

    /// Whether a merge is whole and only lacks its last steps: its journal says complete.
    func isComplete(_ output: FilePath) throws(JobFailure) -> Bool

    /// Removes the partial output and the journal of a merge, if there are.
    func discard(_ output: FilePath) throws(JobFailure)
}
