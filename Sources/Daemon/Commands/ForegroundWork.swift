import CDaemon
import Della
import Glibc
import StreamIO
import Synchronization

/// Planning or a merge that somebody waits for: on a thread of its own, while this one shows its progress and listens
/// for signals.
///
/// Signals that come after it wait for the next one.
struct ForegroundWork<Value: Sendable> {
    /// How often the progress is shown, where there is any: a bar on a terminal, lines elsewhere.
    private let barInterval = Duration.milliseconds(200)
    private let lineInterval = Duration.seconds(10)

    /// Does the work; called on its own thread.
    let work: @Sendable (MergeProgress, StopRequest) throws(CommandFailure) -> Value

    /// Does it. SIGINT and SIGTERM ask it to stop; a second one ends the process at once.
    func perform() throws -> Value {
        let signals = dellad_open_signals()
        let ended = dellad_open_event()
        guard signals >= 0, ended >= 0 else { throw CommandFailure("cannot listen for signals", .io) }
        defer {
            close(signals)
            close(ended)
        }
        let progress = MergeProgress()
        let stop = StopRequest()
        let result = Mutex<Result<Value, CommandFailure>?>(nil)
        let work = work
        try DetachedThread.start {
            let outcome: Result<Value, CommandFailure>
            do throws(CommandFailure) {
                outcome = .success(try work(progress, stop))
            } catch {
                outcome = .failure(error)
            }
            result.withLock { $0 = outcome }
            dellad_post_event(ended)
        }
        watch(progress, stop, signals: signals, ended: ended)
        guard let outcome = result.withLock({ $0 }) else { throw CommandFailure("the merge vanished", .io) }
        return try outcome.get()
    }

    private func watch(_ progress: MergeProgress, _ stop: StopRequest, signals: Int32, ended: Int32) {
        let terminal = StandardStream.error.isSteerable()
        let interval = terminal ? barInterval : lineInterval
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
                let figures = progress.snapshot
                if figures.bytesTotal > 0 || figures.tensorsAudited != nil {
                    let text = line.text(figures, width: StandardStream.error.width - 1, at: .now)
                    StandardStream.error.write(terminal ? "\r\(text)\u{1B}[K" : "dellad: \(text)\n")
                }
                next = .now + interval
            }
            if isOver { return }
        }
    }
}
