import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// The reference of every method against what mergekit 0.1.5 computed in float32.
@Suite struct MethodReferenceTests {
    static let names = ["Base-mini", "One-mini", "Two-mini", "Far-mini"]

    static let fixtures: [String] = {
        let folder = TestResources.folder.appending("methods").appending("configs")
        return ((try? FileSystem.entries(of: folder)) ?? []).map { String($0.dropLast(4)) }.sorted()
    }()

    @Test(arguments: fixtures)
    func theReferenceIsWhatMergekitComputes(name: String) throws {
        let methods = TestResources.folder.appending("methods")
        let text = String(decoding: try TestResources.read("methods/configs/\(name).yml"), as: UTF8.self)
        let expected = methods.appending("expected").appending(name)
        let seed = try JSON(
            parsing: FileSystem.readWhole(expected.appending("seed.json"), limit: 1 << 10))["seed"]?.intValue
        let folders = try Self.names.map {
            try CheckpointFolder(reading: methods.appending("models").appending($0).string)
        }
        let merge = RecipeMerge(
            try Recipe(reading: text, names: Self.names), seed: UInt64(try #require(seed)), folders: folders)
        guard case .merged(let files) = try merge.verdict() else {
            Issue.record("refused")
            return
        }
        let output = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(output) }
        try CheckpointFolder.write(files.map { ($0, nil) }, config: "{}", to: output.string)
        #expect(try CheckpointComparison(output, expected).failures == [])
    }

    @Test func everyMethodHasAFixture() throws {
        let methods = try Self.fixtures.map { name in
            try Recipe(
                reading: String(decoding: TestResources.read("methods/configs/\(name).yml"), as: UTF8.self),
                names: Self.names
            ).method
        }
        // These have fixtures of their own, next to the others.
        let rest = Set(ReferenceMethod.all.map(\.name)).subtracting(methods)
        #expect(rest == ["della", "della_linear"])
    }
}
