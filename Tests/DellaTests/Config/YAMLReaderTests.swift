import Testing

@testable import Della

/// The YAML that configs are written in.
@Suite struct YAMLReaderTests {
    private func read(_ text: String) -> YAMLNode? {
        var list = ProblemList()
        let node = YAMLReader.read(Array(text.utf8), into: &list)
        #expect(list.problems == [])
        return node
    }

    private func value(_ key: String, in node: YAMLNode?) -> YAMLNode? {
        node?.pairs?.first { $0.key == key }?.value
    }

    @Test func everyNodeKnowsItsLine() throws {
        let node = try #require(read("# first\na: 1\nb:\n  - x\n  - c: [1,\n      2]\n"))
        #expect(node.line == 2)
        let list = try #require(value("b", in: node)?.items)
        #expect(list.map(\.line) == [4, 5])
        #expect(list[1].pairs?.first?.value.items?.map(\.line) == [5, 6])
    }

    @Test func mergedKeysGiveWayToWrittenOnesAndEarlierMappingsToNone() throws {
        let node = read(
            """
            one: &one {a: 1, b: 1}
            two: &two {b: 2, c: 2}
            sum: {<<: [*one, *two], c: 3}
            """)
        let sum = value("sum", in: node)
        #expect(value("a", in: sum)?.number == 1)
        #expect(value("b", in: sum)?.number == 1)
        #expect(value("c", in: sum)?.number == 3)
    }

    @Test(arguments: [
        ("1", 1.0), ("-2.5", -2.5), ("1e-3", 0.001), ("1.5E+2", 150), (".5", 0.5), ("5.", 5), ("1_000", 1000),
        ("0x1F", 31), ("0o17", 15), ("017", 15), ("0b101", 5), ("+3", 3), (".inf", .infinity),
        ("-.inf", -.infinity),
        ("true", 1), ("off", 0), ("\"0.25\"", 0.25),
    ])
    func numbersAreReadAsMergekitReadsThem(text: String, number: Double) {
        #expect(value("a", in: read("a: \(text)"))?.number == number)
    }

    @Test(arguments: ["abc", "1.2.3", "1e", "0x", "--1", "1:30", "~", "", "[1]", "nanny", "0xg"])
    func whatIsNoNumberIsNone(text: String) {
        #expect(value("a", in: read("a: \(text)"))?.number == nil)
    }

    @Test func quotedTextIsNeverNothing() {
        let node = read("a: \"null\"\nb: null\nc: ~\nd:\ne: \"\"\n")
        #expect(value("a", in: node)?.text == "null")
        #expect(["b", "c", "d"].allSatisfy { value($0, in: node)?.isNull == true })
        #expect(value("e", in: node)?.text == "")
    }

    @Test func blockTextAndWindowsLinesAreRead() {
        let node = read("a: |\r\n  one\r\n  two\r\nb: >-\r\n  three\r\n  four\r\n")
        #expect(value("a", in: node)?.text == "one\ntwo\n")
        #expect(value("b", in: node)?.text == "three four")
    }

    @Test(arguments: ["", "---\n", "# a comment\n"], ["\n", "\r\n"])
    func aByteOrderMarkIsNoPartOfTheText(start: String, end: String) throws {
        let text = (start + "a: 1\nb:\n  - c\n").replacing("\n", with: end)
        let plain = try #require(read(text)), marked = try #require(read("\u{FEFF}" + text))
        #expect(marked.pairs?.map(\.key) == ["a", "b"])
        #expect(marked.pairs?.map(\.line) == plain.pairs?.map(\.line))
        #expect(marked.pairs?.map(\.value.column) == plain.pairs?.map(\.value.column))
    }

    @Test func whatIsWrongAfterAByteOrderMarkIsSaidOfItsLine() {
        var list = ProblemList()
        #expect(YAMLReader.read(Array("\u{FEFF}a: 1\nb: *none\n".utf8), into: &list) == nil)
        #expect(list.problems.map(\.line) == [2])
        // A mark alone is an empty config.
        var empty = ProblemList()
        #expect(YAMLReader.read(Array("\u{FEFF}".utf8), into: &empty) == nil)
        #expect(empty.problems == [])
    }

    @Test func namesAreCompared() {
        #expect(NearestName.match("densty", among: ["weight", "density"]) == "density")
        #expect(NearestName.match("wieght", among: ["weight", "density"]) == "weight")
        #expect(NearestName.match("completely", among: ["weight", "density"]) == nil)
        #expect(NearestName.distance("abcd", "acbd", limit: 10) == 1)
        #expect(NearestName.distance("kitten", "sitting", limit: 10) == 3)
        #expect(NearestName.distance("kitten", "sitting", limit: 2) == 2)
        #expect(NearestName.distance("", "abc", limit: 10) == 3)
    }
}
