import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Configs that ask for more than a plan may take, or for the same again and again.
@Suite struct PlanLimitTests {
    private static let head = "base_model: Test/Base\nmerge_method: della\nmodels:\n"
    private static let parameters = "parameters: {weight: 0.5}"

    private func entries(_ names: some Sequence<String>) -> String {
        names.map { "  - {model: \($0), \(Self.parameters)}\n" }.joined()
    }

    /// What a config gets, and how often planning asked whether to stop.
    private func problems(_ text: String, in library: ModelLibrary) throws -> ([Problem], asked: Int) {
        var asked = 0
        let error = try #require(throws: MergeProblems.self) {
            _ = try MergePlanner(library: library).plan(
                Array(text.utf8), fileName: "merge.yml", outputName: "Out",
                isStopped: {
                    asked += 1
                    return false
                })
        }
        return (error.problems, asked)
    }

    @Test func moreModelsThanTheLimitAreRefusedUnopened() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let text = Self.head + (0..<16_000).map { "  - model: Test/One@\($0)\n" }.joined()
        let (problems, asked) = try problems(text, in: models.library)
        #expect(problems.map(\.line) == [259])
        #expect(problems[0].message == "more than 256 models, or names of them")
        #expect(asked < 10)
    }

    @Test func manyNamesOfOneFolderOpenItOnceAndAreNamed() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        let names = (0..<250).map { "Test/One@\($0)" }
        var (found, many) = try problems(Self.head + entries(names), in: models.library)
        let (_, few) = try problems(Self.head + entries(names.prefix(2)), in: models.library)
        found.removeLast()
        #expect(found.count == ProblemList.limit)
        #expect(
            found.enumerated().allSatisfy { index, problem in
                problem.line == 5 + index
                    && problem.message == "Test/One@\(index + 1) is the folder of Test/One@0 in line 4"
            })
        // A further name is looked up and has its part of each tensor, and no header is read for it.
        #expect(many - few < 248 * 5)
    }

    @Test func oneFolderMayBeTheBaseAndAModel() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        _ = try models.plan(Self.head + entries(["Test/Base@x", "Test/One"]))
    }

    @Test func moreSlicesThanTheLimitAreRefusedUnopened() throws {
        let models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base")
        let slices = (0..<4097).map { _ in "- sources: [{model: Test/Base, layer_range: [0, 1]}]\n" }
        let text = "base_model: Test/Base\nmerge_method: della\nslices:\n" + slices.joined()
        let (problems, asked) = try problems(text, in: models.library)
        #expect(problems.map(\.line) == [4100])
        #expect(problems[0].message == "4097 slices, and a config has at most 4096")
        #expect(asked < 10)
    }

    @Test func namesThatAreNotThereListTheLibraryOnce() throws {
        let models = try TinyModels()
        for number in 0..<100 { try models.write("{}", folder: "Lib/Model-\(number)", name: "config.json") }
        let text = Self.head + entries((0..<200).map { "Lib/Modle-Nmae-\($0)-of-some-length" })
        let begin = ThreadTime.now
        let (problems, asked) = try problems(text, in: models.library)
        #expect(problems.count == ProblemList.limit + 1)
        // Listing takes one question a place, telling names apart one a name and pair.
        #expect(asked > 200 * 50 && asked < 200 * 103 + 400)
        #expect(ThreadTime.now - begin < .seconds(20))
    }

    @Test func tellingNamesApartHasALimit() throws {
        let models = try TinyModels()
        let long = String(repeating: "n", count: 200)
        for number in 0..<100 { try models.write("{}", folder: "Lib/\(long)\(number)", name: "config.json") }
        let listing = NameListing()
        let similar = models.library.namesLike("Lib/\(long)1x", in: listing)
        #expect(similar.contains("Lib/\(long)1"))
        for _ in 0..<5 { _ = models.library.namesLike("Lib/\(long)1x", in: listing) }
        #expect(models.library.namesLike("Lib/\(long)1x", in: listing) == [])
    }
}

extension TinyModels {
    fileprivate func write(_ text: String, folder name: String, name file: String) throws {
        var path = folder
        for component in FilePath(name).components {
            path.append(component)
            if try FileSystem.status(path) == nil { try FileSystem.createFolder(path) }
        }
        try write(text, to: "\(name)/\(file)")
    }
}
