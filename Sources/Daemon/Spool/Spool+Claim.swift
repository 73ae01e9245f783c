import StreamIO
import SystemPackage

/// Into `active`.
extension Spool {
    /// What came of taking a file from `incoming`.
    enum Claim: Hashable {
        case claimed(DroppedConfig)
        /// A job of that name is active.
        case waits
        /// Moved to `failed`, with this reason.
        case refused(String)
        /// Gone by itself.
        case missing
    }

    /// Takes a config from `incoming`: looked at and on the disk, then renamed. Durable after
    /// `sync(.active, .incoming)`, which may serve several claims at once.
    ///
    /// In each window: before the rename the file is still in `incoming` and is found there again; after it
    /// the job is active and is found there.
    func claim(_ fileName: String, as name: JobName) throws(IOError) -> Claim {
        let source = incoming(fileName)
        let target = config(name, in: .active)
        guard try FileSystem.status(target, followLinks: false) == nil else { return .waits }
        try betweenSteps("inspect \(fileName)")
        switch try DroppedConfig.inspect(source) {
        case .missing: return .missing
        case .refused(let refusal):
            try refuse(fileName, as: name, reason: refusal.reason)
            return .refused(refusal.reason)
        case .fit(let config):
            try betweenSteps("claim \(fileName)")
            do {
                try FileSystem.rename(source, to: target, replacing: false)
            } catch  where error.errno == .fileExists {
                return .waits
            } catch  where error.errno == .noSuchFileOrDirectory {
                return .missing
            }
            return .claimed(try inspectAgain(target, expected: config))
        }
    }

    /// Another file may have been moved there since it was looked at. That one is not refused here: it is
    /// when the job starts.
    private func inspectAgain(_ path: FilePath, expected: DroppedConfig) throws(IOError) -> DroppedConfig {
        guard let status = try FileSystem.status(path, followLinks: false), status.inode != expected.inode
        else {
            return expected
        }
        if case .fit(let config) = try DroppedConfig.inspect(path) { return config }
        return DroppedConfig(status)
    }

    /// Removes what earlier jobs of the name left in `done` and `failed`. Repeated at every start, as a crash
    /// may have come in between.
    func removeOlderEntries(of name: JobName) throws(IOError) {
        for path in [config(name, in: .failed), errorText(name)] { try vacate(path) }
        try removeOlderDone(of: name)
    }

    /// Removes what a done job of the name left in `done`, unless its model is there: then the next of that name fails,
    /// and what made the model stays known.
    private func removeOlderDone(of name: JobName) throws(IOError) {
        guard try FileSystem.status(model(name), followLinks: false) == nil else { return }
        for path in [config(name, in: .done), doneStatusFile(name)] { try vacate(path) }
    }

    /// Moves what is no config from `incoming` to `failed`. The reason is there first.
    func refuse(_ fileName: String, as name: JobName, reason: String) throws(IOError) {
        try writeReason(reason, for: name)
        try removeOlderDone(of: name)
        try place(incoming(fileName), at: config(name, in: .failed))
        try sync(.failed, .incoming)
    }

    /// Whether a config of that name has not been taken yet.
    func isWaiting(_ name: JobName) throws(IOError) -> Bool {
        for fileName in Self.fileNames(of: name)
        where try FileSystem.status(incoming(fileName), followLinks: false) != nil {
            return true
        }
        return false
    }

    /// Puts a failed config back: the rename, then what told of its failure goes.
    ///
    /// - Returns: false where there is nothing to retry, or a newer config of that name has come.
    func retry(_ name: JobName) throws(IOError) -> Bool {
        let target = config(name, in: .incoming)
        guard try FileSystem.status(incoming("\(name).yaml"), followLinks: false) == nil else { return false }
        try betweenSteps("retry \(name)")
        do {
            try FileSystem.rename(config(name, in: .failed), to: target, replacing: false)
        } catch  where error.errno == .noSuchFileOrDirectory || error.errno == .fileExists {
            return false
        }
        try vacate(errorText(name))
        try sync(.incoming, .failed)
        return true
    }
}
