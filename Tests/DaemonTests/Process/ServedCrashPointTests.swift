import Foundation
import Testing

/// The daemon disturbed at its first, second, … n-th operation on the file system, from its start to the end of a
/// job that was dropped into its spool.
///
/// Whatever happens, the job must be done in the end, once, with the bytes of a merge that was never disturbed: after
/// a restart where the daemon is gone, after a retry where the job failed.
@Suite struct ServedCrashPointTests {
    /// The distance between operations that are tried, from a random one on; `make test-crash` tries all.
    static let stride =
        ProcessInfo.processInfo.environment["TEST_CRASH_STRIDE"].flatMap(Int.init) ?? 16

    @Test(arguments: [("uring", "della"), ("posix", "della"), ("posix", "recipe")])
    func aJobIsDoneAfterARestartWhereverTheDaemonIsKilled(engine: String, method: String) throws {
        let served = try ServedMerge(engine: engine, method: method)
        let stride = method == "della" || Self.stride == 1 ? Self.stride : 4 * Self.stride
        let expected = try served.tiny.undisturbed()
        let operations = try served.countOperations()
        var tried = 0
        for number in CrashPointTests.points(operations, every: stride) {
            let daemon = try served.start("die:\(number)")
            try served.drop(for: daemon)
            var ending = served.ending(of: daemon, seconds: 300)
            // What follows the end of a job has its operations too.
            if ending == .done { ending = served.endingAfterDone(of: daemon) }
            #expect(
                ending == .done || daemon.wait() == -SIGKILL, "operation \(number): \(daemon.errorText)")
            daemon.killAndWait()
            try served.finish()
            let faults = try served.faults(expected: expected)
            #expect(faults == [], "operation \(number)")
            try served.clear()
            tried += 1
        }
        print("crash points of the daemon, \(engine), \(method): \(tried) of \(operations) tried")
        #expect(tried >= operations / stride)
    }

    @Test(arguments: ["uring", "posix"], ["EIO", "ENOSPC"])
    func aJobIsDoneInTheEndWhicheverOperationOfTheDaemonFails(engine: String, error: String) throws {
        let served = try ServedMerge(engine: engine)
        let expected = try served.tiny.undisturbed()
        let operations = try served.countOperations()
        var tried = 0
        var failures = 0
        for number in CrashPointTests.points(operations, every: Self.stride) {
            let daemon = try served.start("fail:\(number):\(error)")
            try served.drop(for: daemon)
            // Its own steps are tried again at the next scan, which is longer than tests wait for.
            switch served.ending(of: daemon, seconds: 4) {
            case .failed:
                failures += 1
                #expect(
                    served.reason.contains("("), "operation \(number) gives no remedy: \(served.reason)")
                #expect(daemon.isRunning, "operation \(number)")
            case .ended:
                #expect(daemon.wait() > 0, "operation \(number)")
                #expect(daemon.errorText.contains("dellad: "), "operation \(number): \(daemon.errorText)")
            case .done, .undecided: break
            }
            daemon.killAndWait()
            try served.finish()
            let faults = try served.faults(expected: expected)
            #expect(faults == [], "operation \(number): \(daemon.errorText)")
            try served.clear()
            tried += 1
        }
        print(
            "failure points of the daemon, \(engine), \(error): \(tried) of \(operations) tried, \(failures) failed jobs"
        )
        #expect(tried >= operations / Self.stride)
    }
}
