import Foundation
import Testing

@testable import MergeReference

/// Random acts of users, scripts, editors, disks and power cuts upon a spool, with a daemon that serves it, and what must
/// hold after each of them.
///
/// Runs for five seconds and at least ten cases; `DELLAD_FUZZ_SECONDS` sets another time, `DELLAD_FUZZ_SEED` the first
/// case's seed. Each case's seed is one more than the one's before, so that a failing case is repeated by its own.
@Suite struct SpoolFuzzTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seconds = environment["DELLAD_FUZZ_SECONDS"].flatMap(Int.init) ?? 5
    /// Failing cases after which a run ends.
    private static let failureLimit = environment["DELLAD_FUZZ_FAILURES"].flatMap(Int.init) ?? 3
    /// However slow the machine is.
    private static let leastCases = 10

    @Test func aSpoolKeepsItsPromises() throws {
        let first = TestSeed.asked()
        print("fuzzing a spool from SEED=\(first) for \(Self.seconds) s")
        let end = ContinuousClock.now + .seconds(Self.seconds)
        var (cases, acts, failures) = (0, 0, 0)
        repeat {
            let seed = first &+ UInt64(cases)
            var generator = SpoolActGenerator(seed: seed)
            let made = SpoolCase(acts: generator.make())
            cases += 1
            acts += made.acts.count
            let findings = try made.findings()
            guard !findings.isEmpty else { continue }
            failures += 1
            let (small, found) = try made.smaller(findings, until: .now + .seconds(60))
            let words =
                small.acts.enumerated().map { "\($0 + 1). \($1)" } + found.map { "\($0.kind): \($0.text)" }
            Issue.record(
                "SEED=\(seed), \(made.acts.count) acts made \(small.acts.count):\n\(words.joined(separator: "\n"))"
            )
        } while failures < Self.failureLimit && (cases < Self.leastCases || ContinuousClock.now < end)
        print("fuzzed a spool by \(cases) cases of \(acts) acts, \(failures) failed")
    }
}
