import Dispatch

extension DispatchQueue {
    /// Runs `body` on `count` threads at once, more than there are cores if asked, and waits for all.
    static func concurrentWork(count: Int, _ body: @Sendable @escaping () -> Void) {
        let group = DispatchGroup()
        // A serial queue each: a concurrent one would hold back threads beyond the number of cores.
        for index in 0..<count { DispatchQueue(label: "synth-\(index)").async(group: group, execute: body) }
        group.wait()
    }
}
