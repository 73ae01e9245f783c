import StreamIO
import SystemPackage

/// What ended jobs leave behind.
extension Spool {
    /// What lies in `done`, `failed`, `status` and the output folder, by job; that of active jobs too. Only what
    /// has a name that dellad gives, and is a file, or the folder of a partial output. Merged models are none of it.
    func remains() throws(IOError) -> [JobName: Remains] {
        var all: [JobName: Remains] = [:]
        for (folder, suffix) in [
            (Folder.done, ".yml"), (.failed, ".yml"), (.failed, ".error.txt"), (.status, ".json"),
            (.status, "~done.json"),
        ] {
            for entry in try entries(in: folder) where entry.hasSuffix(suffix) {
                guard let name = JobName(entry.dropLast(suffix.count)),
                    let status = try FileSystem.status(
                        self.folder(folder).appending(entry), followLinks: false), !status.isDirectory
                else { continue }
                all[name, default: Remains()].add(status.modified, of: folder, isConfig: suffix == ".yml")
            }
        }
        for entry in try FileSystem.entries(of: output, limit: Self.entryLimit)
        where entry.hasPrefix(".") {
            try add(entry, to: &all)
        }
        return all
    }

    /// Adds a file of the output folder if it is of a partial output. Journals are listed before folders.
    private func add(_ entry: String, to all: inout [JobName: Remains]) throws(IOError) {
        for suffix in Self.partialSuffixes where entry.hasSuffix(suffix) {
            guard let name = JobName(entry.dropFirst().dropLast(suffix.count)),
                // Parts of a merge are nobody's job.
                try FileSystem.status(output.appending(".\(name).journals"), followLinks: false) == nil,
                let time = try partialTime(output.appending(entry), isJournal: suffix == ".journal")
            else { continue }
            if suffix == ".journal" || all[name]?.partial == nil {
                all[name, default: Remains()].partial = time
            }
        }
    }

    /// What a partial output has beside the output, the ends of the names: of these, the first that is there tells how
    /// old it is.
    static let partialSuffixes = [".journal", ".partial", ".parts"]

    /// When a partial output was written last, by its journal where it has one; `nil` where there is none.
    func partialTime(of name: JobName) throws(IOError) -> Int64? {
        for suffix in Self.partialSuffixes {
            let path = output.appending(".\(name)\(suffix)")
            if let time = try partialTime(path, isJournal: suffix == ".journal") { return time }
        }
        return nil
    }

    /// When a journal, or the last of what lies in a folder, was written last; `nil` where there is none.
    private func partialTime(_ path: FilePath, isJournal: Bool) throws(IOError) -> Int64? {
        guard let status = try FileSystem.status(path, followLinks: false),
            isJournal ? status.isRegular : status.isDirectory
        else { return nil }
        guard path.string.hasSuffix(".parts") else { return status.modified }
        // The journals of a recipe's stages lie within.
        var latest = status.modified
        for entry in try FileSystem.entries(of: path, limit: Self.entryLimit) {
            let inner = try FileSystem.status(path.appending(entry), followLinks: false)
            latest = max(latest, inner?.modified ?? latest)
        }
        return latest
    }

    /// Whether a config of that name is active or waits, or a request is on its way that concerns it.
    func isAwaited(_ name: JobName) throws(IOError) -> Bool {
        if try holds(name, in: .active) { return true }
        if try isWaiting(name) { return true }
        for request in ["\(name).retry", "\(name).cancel"]
        where try FileSystem.status(incoming(request), followLinks: false) != nil {
            return true
        }
        return false
    }

    /// Removes what an ended job has in the spool. The status goes last: it tells when the job ended, so a crash
    /// before that leaves something that is still old. Nothing is synced: what comes back is removed again.
    func clearEntry(_ name: JobName) throws(IOError) {
        for path in [
            config(name, in: .failed), config(name, in: .done), errorText(name), doneStatusFile(name),
            statusFile(name),
        ] {
            guard let status = try FileSystem.status(path, followLinks: false), !status.isDirectory else {
                continue
            }
            try betweenSteps("clear \(path.lastComponent?.string ?? "")")
            try FileSystem.remove(path)
        }
    }
}

extension Remains {
    fileprivate mutating func add(_ time: Int64, of folder: Spool.Folder, isConfig: Bool) {
        if isConfig {
            configured = max(configured ?? time, time)
            isRetryable = isRetryable || folder == .failed
        } else {
            ended = max(ended ?? time, time)
        }
    }
}
