import StreamIO
import Testing

@Suite struct JSONTests {
    static func parse(_ text: String, depthLimit: Int = 64) throws -> JSON {
        try JSON(parsing: Array(text.utf8), depthLimit: depthLimit)
    }

    @Test(arguments: [
        "null", "true", "false", "0", "-0", "12.5e-3", "\"\"", "[]", "{}", #"["a", [1, {}], {"b": null}]"#,
        #"{"z": 1, "a": [true, false], "m": {"x": "\u001f \" \\ é😀"}}"#, "123456789012345678901234567890",
    ])
    func serializedTextIsWhatWasRead(_ text: String) throws {
        #expect(try Self.parse(text).serialized() == text)
    }

    @Test(arguments: [
        "", " ", "nul", "tru", "[", "[1,", "[1,]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1,}", "{a:1}",
        "01",
        "-", "1.", ".5", "1e", "1e+", "+1", "NaN", "Infinity", "\"", "\"\\", "\"\\q\"", "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\n\"", "1 2", "{}}", "'a'", "[1]//", "\u{FEFF}1",
    ])
    func refusesAllElse(_ text: String) {
        #expect(throws: JSONError.self) { try Self.parse(text) }
    }

    @Test func refusesInvalidUTF8AndDuplicateKeys() throws {
        let invalid = try #require(throws: JSONError.self) { _ = try JSON(parsing: [0x22, 0xFF, 0x22]) }
        #expect(invalid.reason == .invalidUTF8)
        let duplicate = try #require(throws: JSONError.self) {
            _ = try Self.parse("{\n\"a\":1,\n\"\\u0061\":2}")
        }
        #expect(duplicate.reason == .duplicateKey("a") && duplicate.line == 3)
    }

    @Test(arguments: [
        ("{\n\"a\": 1,\n}", "line 2: a comma after the last value"),
        ("[1,\n\n2 ,]", "line 3: a comma after the last value"),
        ("{\"a\": 1, // one\n\"b\": 2}", "line 1: a comment, which JSON has not"),
        ("{\n# note\n\"a\": 1}", "line 2: a comment, which JSON has not"),
        ("{\"a\" /* b */: 1}", "line 1: a comment, which JSON has not"),
        ("{}\n// the end", "line 2: a comment, which JSON has not"),
        ("\n<!DOCTYPE html>", "line 2: a web page, and no JSON"),
        ("[1, x]", "line 1: unexpected 'x'"),
    ])
    func saysWhatAHandDid(text: String, expected: String) throws {
        let error = try #require(throws: JSONError.self) { _ = try Self.parse(text) }
        #expect("\(error)" == expected)
        #expect(error.remedy == (expected.contains("comm") ? "remove it" : nil))
    }

    @Test func takesWhatPythonTakesWhereAllowed() throws {
        let text = "\u{FEFF}{\"a\": 1, \"b\": 2, \"a\": 3}"
        let json = try JSON(parsing: Array(text.utf8), isLenient: true)
        #expect(json.serialized() == "{\"a\": 3, \"b\": 2}")
        let error = try #require(throws: JSONError.self) {
            _ = try JSON(parsing: Array("\u{FEFF}\n[1,]".utf8), isLenient: true)
        }
        #expect(error.line == 2 && error.offset == 3 && error.reason == .trailingComma)
        #expect(throws: JSONError.self) { try JSON(parsing: [0xEF, 0xBB], isLenient: true) }
    }

    @Test func tellsTheLineOfWhatIsNoUTF8() throws {
        let error = try #require(throws: JSONError.self) {
            _ = try JSON(parsing: Array("{\n\"a\": \"".utf8) + [0xE9, 0x22, 0x7D])
        }
        #expect(error.reason == .invalidUTF8 && error.line == 2)
    }

    @Test func limitsDepth() throws {
        let nested = String(repeating: "[", count: 10) + String(repeating: "]", count: 10)
        _ = try Self.parse(nested, depthLimit: 10)
        let error = try #require(throws: JSONError.self) { _ = try Self.parse(nested, depthLimit: 9) }
        #expect(error.reason == .tooDeep(limit: 9))
    }

    @Test func readsPythonsInfinitiesWhereAllowed() throws {
        let json = try JSON(parsing: Array("[NaN, Infinity, -Infinity, -1]".utf8), allowsNonfinite: true)
        #expect(json.arrayValue?[1].doubleValue == .infinity && json.arrayValue?[2].doubleValue == -.infinity)
        #expect(json.serialized() == "[NaN, Infinity, -Infinity, -1]")
    }

    @Test func objectsKeepTheirOrderWhenChanged() throws {
        var json = try Self.parse(#"{"c": 1, "a": 2, "b": 3}"#)
        json["a"] = .string("x")
        json["d"] = .int(4)
        json["c"] = nil
        json["none"] = nil
        #expect(json.serialized() == #"{"a": "x", "b": 3, "d": 4}"#)
        #expect(json["b"]?.intValue == 3 && json["c"] == nil && json["d"]?.intValue == 4)
    }

    @Test func indentsAsPythonDoes() throws {
        let json = try Self.parse(#"{"a":[1,2],"b":{},"c":[],"d":{"e":null}}"#)
        let text = """
            {
              "a": [
                1,
                2
              ],
              "b": {},
              "c": [],
              "d": {
                "e": null
              }
            }
            """
        #expect(json.serialized(indentedBy: 2) == text)
    }
}
