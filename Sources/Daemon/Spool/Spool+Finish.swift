import StreamIO
import SystemPackage

/// Out of `active`.
extension Spool {
    /// The config of a merged model goes to `done`. Repeats of it change nothing.
    ///
    /// - Parameter text: the config as it was merged, for `done` if the file has been taken away meanwhile, or another
    ///   put in its place. That one goes back to `incoming`, to be a job of its own; where others wait by both of the
    ///   names that it could have, it stays and is one.
    func finish(_ name: JobName, text: [UInt8]?) throws(IOError) {
        let source = config(name, in: .active)
        let target = config(name, in: .done)
        if try FileSystem.status(source, followLinks: false) != nil {
            if let text, try !holds(source, text) {
                try vacate(target)
                try betweenSteps("write \(name).yml")
                try FileSystem.replaceAtomically(target, with: text)
                try putBack(name)
            } else {
                try place(source, at: target)
            }
        } else if let text, try !holds(target, text) {
            try vacate(target)
            try betweenSteps("write \(name).yml")
            try FileSystem.writeWhole(text, to: target, sync: true)
        }
        try sync(.done, .active)
    }

    private func putBack(_ name: JobName) throws(IOError) {
        for fileName in Self.fileNames(of: name)
        where try FileSystem.status(incoming(fileName), followLinks: false) == nil {
            try betweenSteps("put another \(name).yml back")
            try FileSystem.rename(config(name, in: .active), to: incoming(fileName), replacing: false)
            return try sync(.incoming)
        }
    }

    private func holds(_ path: FilePath, _ text: [UInt8]) throws(IOError) -> Bool {
        guard case .success(let bytes)? = try DroppedConfig.read(path) else { return false }
        return bytes == text
    }

    /// The config of a failed job whose model is complete goes to `done`.
    func finishFailed(_ name: JobName) throws(IOError) {
        try place(config(name, in: .failed), at: config(name, in: .done))
        try vacate(errorText(name))
        try sync(.done, .failed)
    }

    /// The config of a job that failed, or was cancelled, goes to `failed`. The reason is there first, so that
    /// no failure is without one; a crash in between leaves the job active, and it runs again.
    func fail(_ name: JobName, reason: String) throws(IOError) {
        // A disk so full that the reason does not fit must not keep the job from leaving: it is in the log.
        var unwritten: IOError?
        do {
            try writeReason(reason, for: name)
        } catch  where error.errno == .noSpace || error.errno == .diskQuotaExceeded {
            unwritten = error
        }
        let source = config(name, in: .active)
        if try FileSystem.status(source, followLinks: false) != nil {
            try place(source, at: config(name, in: .failed))
        }
        try sync(.failed, .active)
        if let unwritten { throw unwritten }
    }

    /// The job's trace in `active` besides its config.
    func removeCrashNotes(of name: JobName) throws(IOError) {
        for path in [crashNotes(name), planningNote(name)] {
            guard try FileSystem.status(path, followLinks: false) != nil else { continue }
            try betweenSteps("remove \(path.lastComponent?.string ?? "")")
            try FileSystem.remove(path)
        }
    }

    func writeReason(_ reason: String, for name: JobName) throws(IOError) {
        let isFolder = try FileSystem.status(errorText(name), followLinks: false)?.isDirectory ?? false
        if isFolder { try vacate(errorText(name)) }
        try betweenSteps("write \(name).error.txt")
        try FileSystem.replaceAtomically(errorText(name), with: Array((FailureText(reason).text + "\n").utf8))
    }
}
