import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Which token an id stands for, however the tokenizer's file says it.
@Suite struct TokenizerVocabularyTests {
    private func vocabulary(
        _ files: [String: String]
    ) throws(TokenizerVocabulary.Unreadable) -> TokenizerVocabulary {
        let folder: FilePath
        do {
            folder = try TemporaryFolder.create()
            for (name, text) in files {
                try FileSystem.writeWhole(Array(text.utf8), to: folder.appending(name), sync: false)
            }
        } catch {
            Issue.record("\(error)")
            throw .noText
        }
        defer { try? FileSystem.removeTree(folder) }
        return try TokenizerVocabulary(folder: folder, in: .all)
    }

    static let plain =
        #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "<x>": 2}, "merges": [["a", "b"], "c d"]}}"#

    @Test(arguments: [
        // Any order of ids and keys, escapes, and what nobody knows.
        #"{"model": {"merges": ["a b"], "vocab": {"<x>": 2, "\u0061": 0, "b": 1}}, "x": {"y": [1e5, null, NaN]}}"#,
        // Unigram: ids are places.
        #"{"model": {"type": "Unigram", "unk_id": 0, "vocab": [["a", 0.0], ["b", -1.5], ["<x>", -2]]}}"#,
        // Added tokens, before the model or after it, win.
        #"{"added_tokens": [{"id": 2, "content": "<x>", "special": true}], "model": {"vocab": {"a": 0, "b": 1, "y": 2}}}"#,
        #"{"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"content": "<x>", "id": 2}]}"#,
    ])
    func theSameTokensAreTheSameHoweverTheyAreWritten(text: String) throws {
        let ours = try vocabulary(["tokenizer.json": Self.plain])
        let theirs = try vocabulary(["tokenizer.json": text])
        #expect(ours.count == 3 && theirs.count == 3)
        #expect(theirs.differences(from: ours, rows: 8) == 0)
    }

    @Test func vocabJSONAndAddedTokensAreOneVocabulary() throws {
        let ours = try vocabulary(["tokenizer.json": Self.plain])
        let theirs = try vocabulary(["vocab.json": #"{"a": 0, "b": 1}"#, "added_tokens.json": #"{"<x>": 2}"#])
        #expect(theirs.differences(from: ours, rows: 8) == 0)
    }

    @Test func whatDiffersIsCountedAsFarAsThereAreRows() throws {
        let ours = try vocabulary(["tokenizer.json": Self.plain])
        let theirs = try vocabulary([
            "tokenizer.json": #"{"model": {"vocab": {"b": 0, "a": 1, "<x>": 2, "more": 5}}}"#
        ])
        #expect(theirs.differences(from: ours, rows: 8) == 3)
        #expect(theirs.differences(from: ours, rows: 5) == 2)
        #expect(ours.differences(from: theirs, rows: 1) == 1)
    }

    @Test(arguments: [
        "", "{", "[1, 2", #"{"model": {"vocab": {"a": 0, }}}"#, "{\"model\": {\"vocab\": {\"a\n\": 0}}}",
    ])
    func aDamagedFileIsNamed(text: String) {
        #expect(throws: TokenizerVocabulary.Unreadable.self) { try vocabulary(["tokenizer.json": text]) }
    }

    @Test(arguments: [
        "{}", "[]", "1", #"{"model": {"vocab": 3}}"#,
    ])
    func aFileWithoutTokensHasNone(text: String) throws {
        let error = try #require(throws: TokenizerVocabulary.Unreadable.self) {
            try vocabulary(["tokenizer.json": text])
        }
        guard case .noText = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func deeperThanAnyTokenizerIsRefused() {
        let deep = #"{"x": "# + String(repeating: "[", count: 100_000)
        #expect(throws: TokenizerVocabulary.Unreadable.self) { try vocabulary(["tokenizer.json": deep]) }
    }

    /// The flaw that a file is refused for.
    private func flaw(_ text: String) -> String? {
        do throws(TokenizerVocabulary.Unreadable) {
            _ = try vocabulary(["tokenizer.json": text])
            return nil
        } catch .damaged(_, let reason) {
            return reason
        } catch {
            return "no text"
        }
    }

    @Test(arguments: [
        (#"{"model": {"vocab": {"a": -1}}}"#, "has a token with an id that is no whole number from 0 on"),
        (#"{"model": {"vocab": {"a": 1.5}}}"#, "has a token with an id that is no whole number from 0 on"),
        (
            #"{"model": {"vocab": {"a": 1099511627776}}}"#,
            "has the id 1099511627776, and a token's lies below 1048576"
        ),
        (
            #"{"model": {"vocab": {"a": 99999999999999999999}}}"#,
            "has a token with an id that is no whole number from 0 on"
        ),
        (#"{"model": {"vocab": {"a": 1, "b": 1}}}"#, "has two tokens of the id 1"),
        (
            #"{"added_tokens": [{"id": 1, "content": "a"}, {"id": 1, "content": "b"}]}"#,
            "has the id 1 twice among its added tokens"
        ),
        (
            #"{"added_tokens": [{"id": -3, "content": "a"}]}"#,
            "has an added token with an id that is no whole number from 0 on"
        ),
        (
            #"{"added_tokens": [{"id": 4294967296, "content": "a"}]}"#,
            "has the id 4294967296, and a token's lies below 1048576"
        ),
        (#"{"added_tokens": [], "added_tokens": []}"#, "has added_tokens twice"),
        (
            "{\"model\": {\"vocab\": {\"" + String(repeating: "x", count: 20_000) + "\": 1}}}",
            "has a token of more than 16384 bytes"
        ),
    ])
    func whatNoTokenizerSaysIsNamed(text: String, flaw: String) {
        #expect(self.flaw(text) == flaw)
    }

    @Test func bytesThatAreNoTextAreNamed() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let bytes = Array(#"{"model": {"vocab": {"a"#.utf8) + [0xFF] + Array(#"": 1}}}"#.utf8)
        try FileSystem.writeWhole(bytes, to: folder.appending("tokenizer.json"), sync: false)
        #expect(throws: TokenizerVocabulary.Unreadable.self) {
            try TokenizerVocabulary(folder: folder, in: .all)
        }
    }

    /// Of a tokenizer of 95 MB no more is kept than there may be.
    @Test func tokensWithoutEndAreRefused() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let path = folder.appending("tokenizer.json")
        var bytes = Array(#"{"model": {"vocab": {"#.utf8)
        let filler = String(repeating: "y", count: 90)
        for id in 0..<950_000 { bytes += "\"\(filler)\(id)\":\(id),".utf8 }
        try FileSystem.writeWhole(bytes, to: path, sync: false)
        let error = try #require(throws: TokenizerVocabulary.Unreadable.self) {
            try TokenizerVocabulary(folder: folder, in: .all)
        }
        guard case .damaged(_, let reason) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(reason.contains("has tokens of more than"))
        try FileSystem.remove(path)
        try FileSystem.writeWhole(bytes + bytes, to: path, sync: false)
        #expect(throws: TokenizerVocabulary.Unreadable.self) {
            try TokenizerVocabulary(folder: folder, in: .all)
        }
    }
}
