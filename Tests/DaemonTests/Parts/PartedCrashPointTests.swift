import Foundation
import StreamIO
import SystemPackage
import Testing

/// A part of a merge, and its assembly, disturbed at the first, second, … n-th operation on the file system.
///
/// The next undisturbed run of the same command must lead to the files that one merge by one process makes.
@Suite struct PartedCrashPointTests {
    /// As of other methods' merges: `make test-crash` tries all.
    static let stride = CrashPointTests.stride == 1 ? 1 : 4 * CrashPointTests.stride

    /// What is disturbed.
    enum Step: String, CaseIterable {
        /// The first part of all, which begins what the others share.
        case first
        /// One that comes when others are done.
        case last
        case assembly
        /// The last part, which assembles.
        case lastAssembles
    }

    /// Parts: as many as leave some two files, and some one.
    static let count = 3

    /// Does what comes before the step.
    private func prepare(_ step: Step, _ tiny: TinyMerge) throws {
        let parts = step == .first ? [] : step == .assembly ? Array(0..<Self.count) : [0, 1]
        for part in parts {
            let ending = try tiny.part("\(part)/\(Self.count)")
            try #require(ending.code == 0, "\(ending.errors)")
        }
    }

    private func perform(_ step: Step, _ tiny: TinyMerge, plan: String? = nil) throws -> TinyMerge.Ending {
        switch step {
        case .first: try tiny.part("0/\(Self.count)", plan: plan)
        case .last: try tiny.part("\(Self.count - 1)/\(Self.count)", plan: plan)
        case .assembly: try tiny.assemble(plan: plan)
        case .lastAssembles: try tiny.part("\(Self.count - 1)/\(Self.count)", ["--assemble"], plan: plan)
        }
    }

    /// Does what comes after it.
    private func finish(_ step: Step, _ tiny: TinyMerge) throws {
        let parts = step == .first ? Array(1..<Self.count) : []
        for part in parts {
            let ending = try tiny.part("\(part)/\(Self.count)")
            #expect(ending.code == 0, "\(ending.errors)")
        }
        guard step == .first || step == .last else { return }
        let ending = try tiny.assemble()
        #expect(ending.code == 0, "\(ending.errors)")
    }

    /// What is left of a case goes, the parts' journals too.
    private func clear(_ tiny: TinyMerge) throws {
        try tiny.clear()
        for name in [".out.journals", ".out.partial", ".out.journal", ".out.statistics"] {
            try FileSystem.removeTree(tiny.folder.appending(name))
        }
    }

    private func countOperations(_ step: Step, _ tiny: TinyMerge) throws -> Int {
        try prepare(step, tiny)
        let file = tiny.folder.appending("count")
        let ending = try perform(step, tiny, plan: "count:\(file)")
        try #require(ending.code == 0, "\(ending.errors)")
        try clear(tiny)
        let text = String(decoding: try FileSystem.readWhole(file, limit: 100), as: UTF8.self)
        return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    @Test(arguments: ["uring", "posix"], Step.allCases)
    func killedAtAnyOperationItEndsWithTheSameBytes(engine: String, step: Step) throws {
        let tiny = try TinyMerge(engine: engine)
        let expected = try tiny.undisturbed()
        let operations = try countOperations(step, tiny)
        var tried = 0
        for number in CrashPointTests.points(operations, every: Self.stride) {
            try prepare(step, tiny)
            let killed = try perform(step, tiny, plan: "die:\(number)")
            #expect(killed.code == -SIGKILL, "operation \(number): \(killed)")
            let resumed = try perform(step, tiny)
            #expect(resumed.code == 0, "operation \(number): \(resumed.errors)")
            try finish(step, tiny)
            try expect(expected, tiny, "operation \(number)")
            try clear(tiny)
            tried += 1
        }
        print("crash points, \(engine), \(step.rawValue) in parts: \(tried) of \(operations) tried")
        #expect(tried >= operations / Self.stride)
    }

    @Test(arguments: ["EIO", "ENOSPC"], Step.allCases)
    func whoseOperationFailsSaysSoAndIsDoneOnARetry(error: String, step: Step) throws {
        let tiny = try TinyMerge(engine: "posix")
        let expected = try tiny.undisturbed()
        let operations = try countOperations(step, tiny)
        var tried = 0
        for number in CrashPointTests.points(operations, every: Self.stride) {
            try prepare(step, tiny)
            let failed = try perform(step, tiny, plan: "fail:\(number):\(error)")
            #expect(failed.code >= 0, "operation \(number): \(failed)")
            if failed.code != 0 {
                #expect(failed.errors.contains("dellad: "), "operation \(number): \(failed.errors)")
                let retried = try perform(step, tiny)
                #expect(retried.code == 0, "operation \(number): \(failed.errors) then \(retried.errors)")
            }
            try finish(step, tiny)
            try expect(expected, tiny, "operation \(number): \(failed.errors)")
            try clear(tiny)
            tried += 1
        }
        print("failure points, \(error), \(step.rawValue) in parts: \(tried) of \(operations) tried")
        #expect(tried >= operations / Self.stride)
    }

    private func expect(_ expected: [String: [UInt8]], _ tiny: TinyMerge, _ what: String) throws {
        let model = try tiny.model()
        #expect(model.keys.sorted() == expected.keys.sorted(), "\(what)")
        for (name, bytes) in expected { #expect(model[name] == bytes, "\(what): \(name)") }
        #expect(try tiny.wrongHashes() == [], "\(what)")
        #expect(try tiny.leftovers() == [], "\(what)")
    }
}
