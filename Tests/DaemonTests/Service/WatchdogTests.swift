import Testing

@testable import Daemon

@Suite("Watchdog")
struct WatchdogTests {
    private let start = ContinuousClock.now

    /// The seconds at which a watchdog of 40 s was fed, asked every second.
    private func fed(seconds: Int, pulse: (Int) -> Watchdog.Pulse?) throws -> [Int] {
        var watchdog = try #require(Watchdog(interval: .seconds(40), now: start))
        return (0..<seconds).filter { watchdog.isDue(pulse: pulse($0), now: start + .seconds($0)) }
    }

    @Test("An idle daemon feeds it four times an interval")
    func idle() throws {
        #expect(try fed(seconds: 45) { _ in nil } == [0, 10, 20, 30, 40])
    }

    @Test("A merge that moves feeds it")
    func moving() throws {
        #expect(try fed(seconds: 31) { Watchdog.Pulse(lastBeat: UInt64($0), job: "a") } == [0, 10, 20, 30])
    }

    @Test("A merge that stands still does not, after half an interval; nor does it when asked for long")
    func stuck() throws {
        let fed = try fed(seconds: 600) { Watchdog.Pulse(lastBeat: UInt64(min($0, 15)), job: "a") }
        #expect(fed == [0, 10, 20, 30])
    }

    @Test("It is fed again when the merge goes on")
    func resumed() throws {
        let fed = try fed(seconds: 101) { Watchdog.Pulse(lastBeat: $0 < 99 ? 1 : 2, job: "a") }
        #expect(fed == [0, 10, 20, 99])
    }

    @Test("The next job is other work", arguments: ["b"])
    func nextJob(name: String) throws {
        let fed = try fed(seconds: 41) { Watchdog.Pulse(lastBeat: 0, job: $0 < 20 ? "a" : name) }
        #expect(fed == [0, 10, 20, 30, 40])
    }

    @Test("Nobody is fed where nobody watches")
    func nobody() {
        #expect(Watchdog(interval: nil, now: start) == nil)
        #expect(Watchdog(interval: .zero, now: start) == nil)
    }
}
