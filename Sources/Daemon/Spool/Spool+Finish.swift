import StreamIO
import SystemPackage

/// Out of `active`.
extension Spool {
    /// The config of a merged model goes to `done`. Repeats of it change nothing.
    ///
    /// - Parameter text: the config as it was merged, for `done` if the file has been taken away meanwhile.
    func finish(_ name: JobName, text: [UInt8]?) throws(IOError) {
        let source = config(name, in: .active)
        let target = config(name, in: .done)
        if try FileSystem.status(source, followLinks: false) != nil {
            try place(source, at: target)
        } else if let text, try FileSystem.status(target, followLinks: false) == nil {
            try betweenSteps("write \(name).yml")
            try FileSystem.writeWhole(text, to: target, sync: true)
        }
        try sync(.done, .active)
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
        guard try FileSystem.status(crashNotes(name), followLinks: false) != nil else { return }
        try betweenSteps("remove .\(name).crashes")
        try FileSystem.remove(crashNotes(name))
    }

    func writeReason(_ reason: String, for name: JobName) throws(IOError) {
        try betweenSteps("write \(name).error.txt")
        try FileSystem.replaceAtomically(errorText(name), with: Array((reason + "\n").utf8))
    }
}
