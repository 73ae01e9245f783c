import CDaemon
import Della
import Glibc
import StreamIO
import Synchronization

/// A merge that somebody waits for: on a thread of its own, while this one shows its progress and listens for
/// signals.
struct ForegroundMerge {
    /// How often the progress is shown: a bar on a terminal, lines elsewhere.
    private static let barInterval = Duration.milliseconds(200)
    private static let lineInterval = Duration.seconds(10)

    /// Does the merge; called on its own thread.
    let merge: @Sendable (MergeProgress, StopRequest) throws(MergeFailure) -> MergeSummary

    /// Merges. SIGINT and SIGTERM stop it, resumable; a second one ends the process at once.
    func perform() throws -> MergeSummary {
        let signals = dellad_open_signals()
        let ended = dellad_open_event()
        guard signals >= 0, ended >= 0 else { throw CommandFailure("cannot listen for signals", .io) }
        defer {
            close(signals)
            close(ended)
        }
        let progress = MergeProgress()
        let stop = StopRequest()
        let result = Mutex<Result<MergeSummary, MergeFailure>?>(nil)
        let merge = merge
        try DetachedThread.start {
            let outcome: Result<MergeSummary, MergeFailure>
            do throws(MergeFailure) {
                outcome = .success(try merge(progress, stop))
            } catch {
                outcome = .failure(error)
            }
            result.withLock { $0 = outcome }
            dellad_post_event(ended)
        }
        watch(progress, stop, signals: signals, ended: ended)
        guard let outcome = result.withLock({ $0 }) else { throw CommandFailure("the merge vanished", .io) }
        do throws(MergeFailure) {
            return try outcome.get()
        } catch {
            throw CommandFailure(
                error.kind == .stopped ? "interrupted (give the same command again to go on)" : error.message,
                exitCode: error.exitCode)
        }
    }

    private func watch(_ progress: MergeProgress, _ stop: StopRequest, signals: Int32, ended: Int32) {
        let terminal = StandardStream.error.isTerminal
        let interval = terminal ? Self.barInterval : Self.lineInterval
        var line = ProgressLine()
        // A rate needs two samples: the first line that is shown has one to look back to.
        _ = line.text(progress.snapshot, width: 80, at: .now)
        var next = ContinuousClock.now + interval
        while true {
            let left = max(.zero, next - .now)
            var descriptors = [signals, ended].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            poll(&descriptors, nfds_t(descriptors.count), Int32((left / .milliseconds(1)).rounded(.up)))
            if dellad_next_signal(signals) != 0 {
                if stop.isRequested { Glibc.exit(130) }
                stop.request()
            }
            let isOver = descriptors[1].revents != 0
            if terminal, isOver {
                StandardStream.error.write("\r\u{1B}[K")
            } else if ContinuousClock.now >= next {
                let text = line.text(progress.snapshot, width: StandardStream.error.width - 1, at: .now)
                StandardStream.error.write(terminal ? "\r\(text)\u{1B}[K" : "dellad: \(text)\n")
                next = .now + interval
            }
            if isOver { return }
        }
    }
}
