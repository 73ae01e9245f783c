import StreamIO
import SystemPackage

/// What the parts of a merge have beside its output: `.NAME.partial` with the shards, as any merge has, and
/// `.NAME.journals` with a journal, figures and a lock of each part, what all agree on, and the lock of who assembles.
struct PartPlaces: Sendable {
    /// Of the whole merge.
    let whole: PartialFolder

    init(output: FilePath) { whole = PartialFolder(output: output) }

    var journals: FilePath { whole.journals }
    var agreement: FilePath { journals.appending("agreement") }
    /// Held for the moment that it takes to agree.
    var agreementLock: FilePath { journals.appending("agreement.lock") }
    var assemblyLock: FilePath { journals.appending("assembly.lock") }

    /// Of one part.
    func part(_ part: MergePart) -> PartialFolder { whole.part(named: part.fileName) }

    func lock(of part: MergePart) -> FilePath { journals.appending("\(part.fileName).lock") }

    /// - Throws: `ENAMETOOLONG` where assembly could not name what it writes beside the output.
    func refuseTooLongName() throws(IOError) {
        _ = try FileSystem.status(FileSystem.draft(of: whole.journal), followLinks: false)
    }

    /// Whether the output is there and of the same merge.
    ///
    /// - Throws: `outputExists` where something else has its name.
    func isPublished(_ plan: MergePlan, configText: [UInt8]) throws(MergeFailure) -> Bool {
        do throws(IOError) {
            try FileSystem.lookAnew(at: whole.parent)
            guard try FileSystem.status(whole.output, followLinks: false) != nil else { return false }
        } catch {
            throw .creation(error, output: whole.output)
        }
        do throws(MergeFailure) {
            if try RecordedMerge(reading: whole.output).isResult(of: plan, configText: configText) {
                return true
            }
        } catch {
            guard error.kind == .recordMissing || error.kind == .recordUnusable else { throw error }
        }
        throw .creation(IOError("create", whole.output, .fileExists), output: whole.output)
    }

    /// The same, where that can be told and nothing stands in the way.
    func isPublishedForSure(_ plan: MergePlan, configText: [UInt8]) -> Bool {
        (try? isPublished(plan, configText: configText)) ?? false
    }

    /// Removes what parts have beside the output.
    func removeJournals() throws(IOError) {
        var attempt = 1
        while true {
            do throws(IOError) {
                // What all agree on goes first: without it, no part takes the rest for a merge under way.
                try FileSystem.remove(agreement)
                try FileSystem.removeTree(journals)
                return try FileSystem.syncFolder(whole.parent)
            } catch {
                // A part that came late may have looked in, or somebody else removes them too.
                let isShared =
                    error.errno == .directoryNotEmpty || error.errno == .noSuchFileOrDirectory
                    || error.errno == .notDirectory
                guard isShared, attempt < Self.removalLimit else { throw error }
                attempt += 1
                PartedMerge.sleep(.milliseconds(10))
            }
        }
    }

    private static let removalLimit = 16

    /// Removes the journal that parts' were made into, unless it says complete.
    func forgetTranscript() {
        guard let content = try? MergeJournal.read(whole.journal), !content.isComplete else { return }
        try? FileSystem.remove(whole.statistics)
        try? FileSystem.remove(whole.journal)
    }
}

extension PartialFolder {
    /// Removes a part's shards, figures and journal, and nothing of others. The journal last: without it nobody would
    /// know the rest.
    func discard(_ part: MergePlan) throws(IOError) {
        for shard in part.shards { try FileSystem.remove(path.appending(shard.fileName)) }
        try FileSystem.remove(statistics)
        try FileSystem.remove(journal)
        try FileSystem.syncFolder(journals)
    }
}
