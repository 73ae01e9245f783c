import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Planning that is told to stop.
@Suite struct StoppedPlanTests {
    /// Plans, and stops when asked for the time `limit`. How often it was asked, and whether there is a plan.
    private func plan(_ text: String, in models: TinyModels, stopAt limit: Int) throws -> (Int, Bool) {
        var asked = 0
        let plan = try MergePlanner(library: models.library).plan(
            Array(text.utf8), fileName: "m.yml", outputName: "Out",
            isStopped: {
                asked += 1
                return asked >= limit
            })
        return (asked, plan != nil)
    }

    @Test func planningAsksBeforeEveryModelAndTensorAndStopsAtOnce() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let text = Rule.model("Test/One")
        let tensors = try models.plan(text).shards.flatMap(\.tensors).count
        let (asked, isPlanned) = try plan(text, in: models, stopAt: .max)
        #expect(isPlanned)
        #expect(asked > tensors)
        for limit in 1...asked {
            let (count, isPlanned) = try plan(text, in: models, stopAt: limit)
            #expect(!isPlanned)
            // Each level above asks once more on the way out.
            #expect(count <= asked)
        }
    }

    @Test func whatWasFoundUntilThenIsNotReported() throws {
        let models = try TinyModels()
        #expect(try !plan(Rule.model("No/Such"), in: models, stopAt: 2).1)
        #expect(throws: MergeProblems.self) {
            _ = try plan(Rule.model("No/Such"), in: models, stopAt: .max)
        }
    }

    @Test func aComparisonOfFilesStops() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let path = folder.appending("zeros")
        try FileSystem.writeWhole(Array(repeating: 0, count: 4 * FileBytes.chunk), to: path, sync: false)
        var asked = 0
        _ = try FileBytes.areEqual(
            path, at: 0, path, at: 0, count: UInt64(4 * FileBytes.chunk), in: .all,
            isStopped: {
                asked += 1
                return asked == 2
            })
        #expect(asked == 2)
    }
}
