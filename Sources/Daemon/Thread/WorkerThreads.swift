import Dispatch
import StreamIO

/// The same work on several threads at once.
enum WorkerThreads {
    /// Runs `body` on `count` threads and waits for all. Fewer where the system has no more to give.
    static func run(count: Int, _ body: @escaping @Sendable () -> Void) {
        let group = DispatchGroup()
        for _ in 1...max(1, count) {
            group.enter()
            do throws(IOError) {
                try DetachedThread.start {
                    body()
                    group.leave()
                }
            } catch {
                body()
                group.leave()
            }
        }
        group.wait()
    }
}
