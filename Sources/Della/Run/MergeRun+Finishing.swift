import StreamIO
import SystemPackage

/// What is done about a merge without planning it again.
extension MergeRun {
    /// Finishes a merge whose journal says complete: it gets its name, and the journal goes.
    ///
    /// - Parameters:
    ///   - config: the config that asks for it. What was merged by another is not its merge: it is left to be begun
    ///     anew, or keeps the name it has. `nil` where nobody asks.
    ///   - mayName: whether one that lacks its name gets it. Where false, only the last steps of one that has it are
    ///     made.
    ///   - beforeForgetting: runs once the output is published and durable, before the journal goes.
    /// - Returns: false where there is no such merge.
    /// - Throws: `MergeFailure`, `underWay` where another process is at it.
    public static func finishPublished(
        output: FilePath, config: [UInt8]?, mayName: Bool, beforeForgetting: () throws -> Void = {}
    ) throws(MergeFailure) -> Bool {
        let places = PartialFolder(output: output)
        let journal: MergeJournal
        do throws(IOError) {
            guard try MergeJournal.read(places.journal)?.isComplete == true,
                let opened = try MergeJournal.open(places.journal)
            else { return false }
            journal = opened
            let content = try journal.read()
            guard content.isComplete else { return false }
            let isNamed = try places.isNamed
            let lacksName = try FileSystem.status(places.path, followLinks: false) != nil
            guard isNamed || lacksName else {
                // Somebody removed what was merged.
                try places.discard()
                return false
            }
            if let config, MergeIdentity.print(of: config) != content.identity?.config {
                if isNamed { try places.discard() }
                return false
            }
            // What is in the folder of a merge in parts, those who assemble look at.
            let isInParts = try places.isInParts
            guard isNamed || mayName && !isInParts else { return false }
            try journal.resume(after: content)
            try places.publish()
        } catch {
            throw .publication(error, output: output)
        }
        // Held until it is gone.
        defer { withExtendedLifetime(journal) {} }
        try places.forget(after: beforeForgetting)
        return true
    }

    /// Whether a merge is whole and only lacks its name, or the end of its journal. False where there is none.
    public static func isComplete(output: FilePath) throws(MergeFailure) -> Bool {
        do {
            return try MergeJournal.read(PartialFolder(output: output).journal)?.isComplete ?? false
        } catch {
            throw .io(error)
        }
    }

    /// Removes what a merge has left that will not be taken up again.
    ///
    /// - Throws: `MergeFailure`, `underWay` where another process is at it.
    public static func discard(output: FilePath) throws(MergeFailure) {
        let places = PartialFolder(output: output)
        try places.refuseParts()
        do {
            let journal = try MergeJournal.open(places.journal)
            try places.discard()
            withExtendedLifetime(journal) {}
        } catch {
            throw .publication(error, output: output)
        }
    }
}

extension PartialFolder {
    /// Whether a complete merge has its name: the folder that it had before is gone.
    var isNamed: Bool {
        get throws(IOError) {
            guard try FileSystem.status(path, followLinks: false) == nil else { return false }
            return try FileSystem.status(output, followLinks: false) != nil
        }
    }

    /// Gives the folder its name, unless an earlier run did.
    func publish() throws(IOError) {
        if try FileSystem.status(path, followLinks: false) != nil {
            try FileSystem.rename(path, to: output, replacing: false)
        }
        try FileSystem.syncFolder(parent)
    }

    func forget(after settle: () throws -> Void) throws(MergeFailure) {
        do {
            try settle()
        } catch let failure as MergeFailure {
            throw failure
        } catch let error as IOError {
            throw .publication(error, output: output)
        } catch {
            throw .io(IOError("settle (\(error))", output, .ioError))
        }
        do throws(IOError) {
            if try FileSystem.status(statistics, followLinks: false) != nil {
                try FileSystem.remove(statistics)
            }
            try FileSystem.remove(journal)
            try FileSystem.syncFolder(parent)
        } catch {
            throw .publication(error, output: output)
        }
    }
}
