import Foundation
import Testing

@testable import MergeReference

/// A merge disturbed at its first, second, … n-th operation on the file system until none is left.
///
/// `DELLAD_FAULT_PLAN` makes the operation fail or kills the process there. Whatever happens, a second,
/// undisturbed run must end with the bytes of a merge that was never disturbed.
@Suite struct CrashPointTests {
    /// The distance between operations that are tried, from a random one on; `make test-crash` tries all.
    static let stride =
        ProcessInfo.processInfo.environment["TEST_CRASH_STRIDE"].flatMap(Int.init) ?? 8

    /// The last operations, which give the output its name and remove what stood beside it, are tried closer together: what
    /// is amiss there spans a few of them.
    static func points(_ operations: Int, every step: Int) -> [Int] {
        var random = SeededRandom(seed: TestSeed.drawn())
        let first = Int.random(in: 1...step, using: &random)
        let end = max(0, operations - lastOperations)
        let close = max(1, step / 4)
        let start = end + Int.random(in: 1...close, using: &random)
        print("operations \(first), \(first + step), … of \(operations); \(start), \(start + close), …")
        return Array(Swift.stride(from: first, through: end, by: step))
            + Array(Swift.stride(from: start, through: operations, by: close))
    }

    /// Renaming, removing and syncing at the end of a merge.
    private static let lastOperations = 24

    @Test(arguments: ["uring", "posix"], ["della", "karcher", "ties", "task_arithmetic", "recipe"])
    func aMergeKilledAtAnyOperationEndsWithTheSameBytes(engine: String, method: String) throws {
        let tiny = try TinyMerge(engine: engine, method: method)
        let expected = try tiny.undisturbed()
        let operations = try tiny.countOperations()
        // As a rule the other methods are tried at fewer points.
        let stride = method == "della" || Self.stride == 1 ? Self.stride : 4 * Self.stride
        var tried = 0
        for number in Self.points(operations, every: stride) {
            let killed = try tiny.run("die:\(number)")
            #expect(killed.code == -SIGKILL, "operation \(number): \(killed)")
            let resumed = try tiny.run(nil)
            // Killed after the folder got its name, the merge is done; it must not be done again.
            #expect(resumed.code == 0 || tiny.isPublished, "operation \(number): \(resumed.errors)")
            #expect(try tiny.model() == expected, "operation \(number)")
            #expect(try tiny.wrongHashes() == [], "operation \(number)")
            #expect(try tiny.leftovers() == [], "operation \(number)")
            try tiny.clear()
            tried += 1
        }
        print("crash points, \(engine), \(method): \(tried) of \(operations) tried")
        #expect(tried >= operations / stride)
    }

    @Test(arguments: ["uring", "posix"], ["EIO", "ENOSPC", "EMFILE", "ENOMEM"])
    func aMergeWhoseOperationFailsSaysSoAndIsDoneOnARetry(engine: String, error: String) throws {
        try failEverywhere(TinyMerge(engine: engine), engine, error, every: Self.stride)
    }

    @Test(arguments: ["EIO", "ENOSPC"])
    func aRecipeWhoseOperationFailsSaysSoAndIsDoneOnARetry(error: String) throws {
        let stride = Self.stride == 1 ? 1 : 4 * Self.stride
        try failEverywhere(TinyMerge(engine: "posix", method: "recipe"), "recipe", error, every: stride)
    }

    private func failEverywhere(
        _ tiny: TinyMerge, _ engine: String, _ error: String, every stride: Int
    ) throws {
        let expected = try tiny.undisturbed()
        let operations = try tiny.countOperations()
        var tried = 0
        for number in Self.points(operations, every: stride) {
            let failed = try tiny.run("fail:\(number):\(error)")
            #expect(failed.code >= 0, "operation \(number): \(failed)")
            if failed.code != 0 {
                #expect(failed.errors.contains("dellad: "), "operation \(number): \(failed.errors)")
                let retried = try tiny.run(nil)
                #expect(
                    retried.code == 0 || tiny.isPublished,
                    "operation \(number): \(failed.errors) then \(retried.errors)")
            }
            #expect(try tiny.model() == expected, "operation \(number): \(failed.errors)")
            #expect(try tiny.leftovers() == [], "operation \(number): \(failed.errors)")
            try tiny.clear()
            tried += 1
        }
        print("failure points, \(engine), \(error): \(tried) of \(operations) tried")
        #expect(tried >= operations / stride)
    }
}
