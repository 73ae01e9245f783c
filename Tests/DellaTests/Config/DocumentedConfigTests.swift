import StreamIO
import SystemPackage
import Testing

@testable import Della

/// That the configs of the documents are planned as they stand there.
@Suite struct DocumentedConfigTests {
    @Test(arguments: [("docs/config.md", 9), ("README.md", 1)])
    func everyExampleIsPlanned(document: String, count: Int) throws {
        let repository = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .removingLastComponent().removingLastComponent()
        let text = String(
            decoding: try FileSystem.readWhole(repository.pushing(FilePath(document)), limit: 1 << 20),
            as: UTF8.self)
        let examples = text.split(separator: "```yaml\n").dropFirst().compactMap {
            $0.split(separator: "```").first.map(String.init)
        }
        #expect(examples.count == count)
        let models = try TinyModels()
        try models.makeModels(namedIn: text)
        for name in ["Base", "One", "Two"] { try models.make("Test/" + name, as: "Org/" + name) }
        for example in examples {
            #expect(throws: Never.self, "\(example)") {
                _ = try RecipeReport(
                    MergePlanner(library: models.library), text: Array(example.utf8), fileName: "merge.yml",
                    outputName: "Out", memory: 64 << 20, threads: 1)
            }
        }
    }
}
