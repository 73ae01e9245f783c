import Testing

@testable import Della
@testable import MergeReference

/// Where the documents of a config begin, against what libyaml makes of the same text.
@Suite struct RecipeDocumentTests {
    private func documents(_ text: String) -> [RecipeDocument] { RecipeDocument.all(in: text) }

    @Test func marksDivideAndKeepTheLines() {
        let found = documents("a: 1\n---\nb: 2\n...\n# c\n---   # d\n\nc: 3\n")
        #expect(found.map(\.line) == [1, 3, 8])
        #expect(found.map(\.lead) == [0, 1, 5])
        #expect(found.map(\.isEmpty) == [false, false, false])
        #expect(found[1].text == "   \nb: 2\n   \n# c\n")
    }

    @Test(arguments: [
        "a: 1\n", "---\na: 1\n", "\n# x\n---\na: 1\n...\n", "--- {a: 1}\n", "\u{FEFF}---\na: 1\n",
        "%YAML 1.1\n---\na: 1\n", "a: |\n  ---\n  b\n", "a: ---\n", "a: 1\r\n---x: 2\r\n", "",
        "# nothing\n",
    ])
    func oneDocumentIsOne(text: String) {
        #expect(documents(text).count == 1)
    }

    @Test(arguments: [
        ("a: 1\n---\n", [false, true]), ("---\n---\na: 1\n", [true, false]),
        ("a: 1\r\n---\r\nb: 2", [false, false]), ("a: 1\n...\nb: 2\n", [false, false]),
        ("a: 1\n--- {b: 2}\n---\t\nc: 3", [false, false, false]),
        ("a: 1\n...\n%YAML 1.1\n---\nb: 2\n", [false, false]),
        ("a: [\n---\nb: 2\n", [false, false]),
    ])
    func emptyOnesAreToldFromOthers(text: String, isEmpty: [Bool]) {
        #expect(documents(text).map(\.isEmpty) == isEmpty)
    }

    /// Every document reads as the same tree, at the same lines and columns, alone or by libyaml from the whole text.
    @Test func randomTextsAreDividedWhereLibyamlDividesThem() throws {
        let seed = TestSeed.drawn()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let pieces = [
            "k: v\n", "k: 'a\n\n  b'\n", "k: |\n  ---\n  ...\n", "# c\n", "\n", "k: [1,\n  2]\n",
            "k: {a: b}\r\n",
            "k: \"---\"\n", "- x\n",
        ]
        for _ in 0..<2_000 {
            let count = Int.random(in: 1...4, using: &random)
            var texts: [String] = []
            for _ in 0..<count {
                texts.append(
                    (0..<Int.random(in: 0...2, using: &random)).map { _ in
                        ["# c\n", "\n", " # d\n"].randomElement(using: &random) ?? ""
                    }.joined() + (pieces.randomElement(using: &random) ?? ""))
            }
            let marks = ["---\n", "--- # x\n", "...\n---\n", "---\r\n"]
            // Comments alone are no document, but for the mark before them.
            let hasContent = texts[0].split(separator: "\n").contains {
                !$0.drop { $0 == " " }.hasPrefix("#")
            }
            var whole = Bool.random(using: &random) || !hasContent ? "---\n" : ""
            for (index, text) in texts.enumerated() {
                if index > 0 { whole += marks.randomElement(using: &random) ?? "" }
                whole += text
            }
            let found = documents(whole)
            #expect(found.count == count, "\(whole.debugDescription)")
            for document in found {
                var list = ProblemList()
                let root = YAMLReader.read(document.padded, into: &list)
                #expect(list.problems.isEmpty, "\(whole.debugDescription): \(list.problems)")
                let isComment = document.isEmpty
                #expect((root == nil) == isComment, "\(whole.debugDescription)")
                if let root, root.pairs != nil || root.items != nil {
                    #expect(root.line == document.line, "\(whole.debugDescription)")
                }
            }
        }
    }
}
