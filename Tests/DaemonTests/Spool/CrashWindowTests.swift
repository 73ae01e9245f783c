import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// The daemon dies between any two changes to the disk, and starts again.
@Suite struct CrashWindowTests {
    /// What is dropped into the spool, and what must have become of it in the end, wherever the daemon died.
    struct Scenario: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Acts on the spool; runs again from the start never, so each act is one that people do once.
        var act: @Sendable (SpoolRig) throws -> Void
        /// The states that each job may end in.
        var ends: [String: Set<JobState>]
    }

    static let scenarios = [
        Scenario(
            testDescription: "a job is merged",
            act: { rig in
                try rig.drop("a.yml")
                rig.runAll()
            }, ends: ["a": [.done]]),
        Scenario(
            testDescription: "a job fails and another is merged",
            act: { rig in
                try rig.drop("a.yml", "fail", at: 1)
                try rig.drop("b.yaml", at: 2)
                rig.runAll()
            }, ends: ["a": [.failed], "b": [.done]]),
        Scenario(
            testDescription: "something that is no config",
            act: { rig in
                try rig.drop("a.yml", String(repeating: "#", count: DroppedConfig.sizeLimit + 1))
                rig.runAll()
            }, ends: ["a": [.failed]]),
        Scenario(
            testDescription: "a queued job is cancelled",
            act: { rig in
                try rig.drop("a.yml", at: 10)
                rig.settle()
                try rig.drop("a.cancel", "", at: 20)
                rig.runAll()
            }, ends: ["a": [.cancelled]]),
        Scenario(
            testDescription: "a running job is cancelled",
            act: { rig in
                try rig.drop("a.yml", "wait", at: 10)
                rig.settle()
                guard !rig.mortality.isDead, let run = rig.machine.startNext(now: rig.now) else {
                    return try rig.drop("a.cancel", "", at: 20)
                }
                try rig.drop("a.cancel", "", at: 20)
                rig.settle()
                let outcome = rig.merging.merge(run)
                if !rig.mortality.isDead { rig.machine.ended(outcome, now: rig.now) }
                rig.runAll()
            }, ends: ["a": [.cancelled]]),
        Scenario(
            testDescription: "a failed job is retried after its config was put right",
            act: { rig in
                let config = rig.spool.folder(.failed) / "a.yml"
                try config.write("good")
                try (rig.spool.folder(.failed) / "a.error.txt").write("it was bad\n")
                try rig.drop("a.retry", "")
                rig.runAll()
            }, ends: ["a": [.done]]),
        Scenario(
            testDescription: "a config replaces a failed one",
            act: { rig in
                try (rig.spool.folder(.failed) / "a.yml").write("fail")
                try (rig.spool.folder(.failed) / "a.error.txt").write("it was bad\n")
                try rig.drop("a.yml", "good")
                rig.runAll()
            }, ends: ["a": [.done]]),
    ]

    @Test(arguments: scenarios)
    func everyWindowIsRecoveredFrom(scenario: Scenario) throws {
        var windows: [String] = []
        for steps in 1... {
            let rig = try SpoolRig(stepsToLive: steps)
            try scenario.act(rig)
            let hasDied = rig.mortality.isDead
            let window = "before '\(rig.mortality.last.withLock { $0 })'"
            if hasDied {
                windows.append(window)
                try rig.restart()
                rig.runAll()
            }
            check(rig, scenario.ends, window)
            guard hasDied else { break }
            try #require(steps < 200, "the scenario does not end")
        }
        print("\(scenario.testDescription): recovered from \(windows.count) windows")
        #expect(windows.count > 5)
    }

    /// Dies in every window of every recovery as well.
    @Test func recoveryItselfMayBeInterrupted() throws {
        var count = 0
        for first in stride(from: 1, through: 16, by: 2) {
            for second in stride(from: 1, through: 20, by: 2) {
                let rig = try SpoolRig(stepsToLive: first)
                try rig.drop("a.yml", "text")
                rig.runAll()
                guard rig.mortality.isDead else { break }
                try? rig.restart(stepsToLive: second)
                rig.runAll()
                guard rig.mortality.isDead else { break }
                try rig.restart()
                rig.runAll()
                check(rig, ["a": [.done]], "\(first) then \(second)")
                #expect((rig.spool.output / "a" / "model").text == "text")
                count += 1
            }
        }
        print("recovered from \(count) pairs of windows")
        #expect(count > 25)
    }

    /// No job lost, none in two places, nothing left over.
    private func check(_ rig: SpoolRig, _ ends: [String: Set<JobState>], _ window: String) {
        #expect(rig.names(in: .incoming).isEmpty, "\(window)")
        #expect(rig.names(in: .active).isEmpty, "\(window)")
        for (name, states) in ends {
            let state = rig.status(name)?.state
            #expect(
                state.map { states.contains($0) } == true, "\(name) \(String(describing: state)) \(window)")
            let isDone = rig.names(in: .done).contains("\(name).yml")
            let isFailed = rig.names(in: .failed).contains("\(name).yml")
            #expect(isDone == (state == .done), "\(window)")
            #expect(isFailed == (state == .failed || state == .cancelled), "\(window)")
            #expect(rig.reason(name).isEmpty == !isFailed, "\(window)")
            #expect(rig.outputs.contains(name) == (state == .done), "\(window)")
            #expect(!rig.outputs.contains(".\(name).journal") || state == .failed, "\(window)")
            #expect(!rig.outputs.contains(".\(name).partial") || state == .failed, "\(window)")
        }
    }
}
