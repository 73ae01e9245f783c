import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What `dellad check` prints.
@Suite struct PlanReportTests {
    static let config = """
        base_model: Test/Base
        merge_method: della
        dtype: bfloat16
        models:
          - model: Test/One
            parameters:
              weight: [0.2, 0.8]
              density: [{filter: mlp, value: 0.5}, {value: 0.7}]
              lambda: 0.85
        """

    private func report(memory: UInt64 = 64 << 20) throws -> PlanReport {
        let models = try TinyModels()
        try models.makeModels(namedIn: Self.config)
        return PlanReport(
            try models.plan(Self.config), memory: memory, threads: 2, freeSpace: 10, bytesPerSecond: 1e6)
    }

    @Test func theTextNamesModelsParametersAndNeeds() throws {
        let report = try report()
        let text = report.text
        #expect(text.contains("method    della, seed 0"))
        #expect(text.contains("base      Test/Base  /"))
        #expect(text.contains("models    Test/One  /"))
        #expect(text.contains("57 tensors in 1 file"))
        #expect(text.contains("dtype bfloat16, rescale true, normalize true, lambda 1"))
        #expect(text.contains("every tensor is read once"))
        #expect(text.contains("not enough: free"))
        #expect(text.contains("line 9: lambda under a model"))
        // The gradient over six layers, growing from a fourth of the bar to all of it.
        #expect(text.contains("0.32 ███▎"))
        #expect(text.contains("0.8  ████████"))
    }

    @Test func theJSONHasTheSameFigures() throws {
        let report = try report()
        let json = try JSON(parsing: Array(report.json.serialized().utf8))
        #expect(json["tensors"]?.intValue == 57)
        #expect(json["models"]?.arrayValue?.count == 2)
        #expect(json["disk_free"]?.intValue == 10)
        #expect(json["bytes_written"]?.intValue == Int(report.bytesWritten))
        let rows = try #require(json["parameters"]?.arrayValue?.first?["rows"]?.arrayValue)
        let mlp = rows.filter { $0["tensors"]?.arrayValue?.contains(.string("mlp.up_proj.weight")) == true }
        #expect(mlp.count == 6)
        #expect(mlp.allSatisfy { $0["density"]?.doubleValue == 0.5 })
        #expect(report.seconds == Double(report.bytesRead + report.bytesWritten) / 1e6)
    }

    @Test func aBudgetThatCannotHoldARowIsSaid() throws {
        let report = try report(memory: 1 << 10)
        #expect(report.budgetProblem?.contains("(") == true)
        #expect(report.text.contains(try #require(report.budgetProblem)))
    }

    @Test(arguments: [1, 64]) func aLimitOfTheConfigThatCannotHoldARowIsTheConfigs(threads: Int) throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: Self.config)
        let planner = MergePlanner(library: models.library, threads: threads)
        func plan(_ memory: String) throws -> MergePlan {
            try planner.plan(
                Array((Self.config + "\ndellad:\n  seed: 1\n  memory: \(memory)\n").utf8),
                fileName: "merge.yml",
                outputName: "Out")
        }
        let error = try #require(throws: MergeProblems.self) { _ = try plan("100K") }
        #expect(error.exitCode == 65)
        let start =
            "merge.yml:12: memory: 100K is too small for the rows of model.layers.0.mlp.down_proj.weight (write "
        #expect(error.description.hasPrefix(start), "\(error)")
        // What the message names does.
        let enough = String(error.description.dropFirst(start.count).prefix { $0 != " " })
        let report = PlanReport(try plan(enough), memory: 1 << 30, threads: threads)
        #expect(report.budgetProblem == nil)
    }

    @Test func whatTheBudgetCannotKeepIsListed() throws {
        let models = try TinyModels()
        let large = TinyModels.Tensor(name: "large.weight", type: .bf16, shape: [3000, 512])
        let config = JSON.object(JSONObject([("model_type", .string("test"))]))
        try models.writeModel("Base", tensors: [large], config: config)
        try models.writeModel("Tuned", tensors: [large], config: config)
        let plan = try models.plan(
            """
            base_model: Base
            merge_method: della
            models: [{model: Tuned, parameters: {weight: 1, density: 0.5}}]
            """)
        let small = PlanReport(plan, memory: 5 << 20, threads: 2)
        #expect(small.rereads.map(\.tensor) == ["large.weight"])
        #expect(small.bytesRead == 2 * large.byteCount + small.rereads[0].byteCount)
        #expect(small.text.contains("large.weight  "))
        let roomy = PlanReport(plan, memory: 64 << 20, threads: 2)
        #expect(roomy.rereads == [] && roomy.bytesRead == 2 * large.byteCount)
    }

    @Test func aDiskIsMeasuredByReading() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let path = folder.appending("file")
        try FileSystem.writeWhole(Array(repeating: 7, count: 24 << 20), to: path, sync: false)
        #expect(try #require(DiskMeasurement.readRate(of: path)) > 1e5)
        #expect(DiskMeasurement.readRate(of: folder.appending("absent")) == nil)
    }
}

extension TinyModels.Tensor {
    fileprivate var byteCount: UInt64 { UInt64(shape.reduce(1, *) * type.bitWidth / 8) }
}
