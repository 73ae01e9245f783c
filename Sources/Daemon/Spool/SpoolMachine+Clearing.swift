import StreamIO
import SystemPackage

/// What ended long ago is removed, where the operator wants that.
extension SpoolMachine {
    /// The shortest time between two passes.
    static let clearingInterval = Duration.seconds(3600)
    /// How long a pass may take, as nothing else is done meanwhile; the next turn of the loop goes on.
    static let clearingTime = Duration.seconds(5)

    /// Removes the entries of jobs that ended more than `clearAfter` ago and partial outputs that nobody has gone on
    /// with for as long, if it is time for that. Merged models stay, whatever their age.
    ///
    /// - Parameter wall: the time that files' ages are taken from. A clock that is wrong removes too much or too
    ///   little, never a job that is active or waits; each removal is a line of the log, with the time it went by.
    mutating func clear(now: ContinuousClock.Instant, wall: Timestamp) {
        guard let age = clearAfter, lastClearing.map({ now - $0 >= Self.clearingInterval }) ?? true else {
            return
        }
        lastClearing = now
        let limit = WallTime.nanoseconds(seconds: wall.seconds.subtractingSaturated(age.seconds))
        do {
            let old = try spool.remains().filter { name, remains in
                let isOld = remains.isEntryOlder(than: limit) || remains.isPartialOlder(than: limit)
                return isOld && jobs[name] == nil
            }
            for (name, remains) in old.sorted(by: { $0.key < $1.key }) {
                if ContinuousClock.now - now > Self.clearingTime {
                    lastClearing = nil
                    return
                }
                clear(name, remains, before: limit, age: age)
            }
        } catch {
            note(error, nil, "look for what is to be cleared")
        }
    }

    /// The partial output goes first, by its folder and then its journal, so that no config is gone whose output
    /// is still there.
    private func clear(_ name: JobName, _ remains: Remains, before limit: Int64, age: Age) {
        do {
            // Looked at again: people move files.
            if try spool.isAwaited(name) { return }
            if remains.partial != nil {
                // A model that is whole and only lacks its name: a retry publishes it.
                if try merging.isComplete(spool.model(name)) { return }
                // A merge by hand may have gone on with it since.
                let isStill = try spool.partialTime(of: name) == remains.partial
                if isStill, remains.isPartialOlder(than: limit) { try merging.discard(spool.model(name)) }
            }
            if let time = remains.entryTime, time < limit {
                try spool.clearEntry(name)
                note(.info, name, "cleared: it ended \(Self.text(time)), more than \(age) ago")
            } else if let time = remains.partial {
                let text = Self.text(time)
                note(.info, name, "cleared its abandoned partial output of \(text), more than \(age) ago")
            }
        } catch {
            note(error, name, "clear the job")
        }
    }

    private static func text(_ nanoseconds: Int64) -> String {
        Timestamp(seconds: nanoseconds / WallTime.second).description
    }
}
