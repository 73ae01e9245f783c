import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// Random checkpoints, configs, budgets, threads, engines and interruptions through `dellad merge`, against a
/// reference that shares no code with it.
///
/// Runs for a minute; `DELLAD_FUZZ_SECONDS` sets another time, `DELLAD_FUZZ_SEED` the first case's seed. Each
/// case's seed is one more than the one's before, so that a failing case is repeated by its own. Failing cases are
/// made smaller and kept in `DELLAD_FUZZ_FOLDER`, or below the temporary folder.
@Suite struct MergeFuzzTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seconds = environment["DELLAD_FUZZ_SECONDS"].flatMap(Int.init) ?? 60
    /// Failing cases after which a run ends.
    private static let failureLimit = 3

    private static var keepsake: FilePath {
        FilePath(environment["DELLAD_FUZZ_FOLDER"] ?? NSTemporaryDirectory() + "/dellad-fuzz")
    }

    @Test func anyMergeIsWhatTheReferenceSays() throws {
        let first = TestSeed.asked()
        print("fuzzing from SEED=\(first) for \(Self.seconds) s")
        let started = ContinuousClock.now
        let end = started + .seconds(Self.seconds)
        var tally = FuzzTally()
        var seed = first
        repeat {
            var generator = CaseGenerator(seed: seed)
            let made = generator.make()
            let run = try CaseRun(made)
            if let failure = try run.failure() {
                let time = started.duration(to: .now)
                // Known even if what makes it smaller fails.
                print("SEED=\(seed) failed: \(failure)")
                fflush(nil)
                let place = try keep(made, failure)
                Issue.record("SEED=\(seed), after \(time): \(failure)\nkept in \(place)")
                tally.failures += 1
                if tally.failures == Self.failureLimit { break }
            }
            tally.count(made)
            seed &+= 1
        } while ContinuousClock.now < end
        print("fuzzed \(tally), SEED=\(first)…\(seed &- 1)")
        #expect(tally.cases > 0)
    }

    /// Makes a failing case smaller and keeps it. Returns where.
    private func keep(_ made: FuzzCase, _ failure: CaseRun.Failure) throws -> FilePath {
        var shrinker = CaseShrinker(made, failure, within: .seconds(60))
        try shrinker.shrink()
        if !Self.keepsake.exists { try FileSystem.createFolder(Self.keepsake) }
        let place = Self.keepsake / "\(made.seed)"
        let run = try CaseRun(shrinker.made)
        // Once more, so that there is an output to look at.
        let last = try run.failure() ?? shrinker.failure
        try run.keep(last, in: place)
        print("made \(made.size) smaller to \(shrinker.made.size) in \(shrinker.attempts) attempts: \(last)")
        return place
    }
}
