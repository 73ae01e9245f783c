import Della
import Testing

@testable import Daemon

/// `fetch_command`: words that are filled in, each one word whatever is in it.
@Suite struct FetchCommandLineTests {
    private func filled(_ text: String, _ model: String, include: [String] = []) throws -> [String] {
        let model = try #require(HubModel(model))
        return try FetchCommandLine(text).arguments(
            for: model, revision: model.revision, include: include, folder: "/m/x y")
    }

    @Test(arguments: [
        (
            "hf download {model} --revision {revision} {include}", "a/b@v1", ["f", "g h"],
            ["hf", "download", "a/b", "--revision", "v1", "f", "g h", "--local-dir", "/m/x y"]
        ),
        (
            "hf download {model} --revision {revision} {include}", "a/b", [],
            ["hf", "download", "a/b", "--local-dir", "/m/x y"]
        ),
        (
            "hf download {model} --include {include} --quiet", "a/b", ["f", "g"],
            ["hf", "download", "a/b", "--include", "f", "--include", "g", "--quiet", "--local-dir", "/m/x y"]
        ),
        (
            "hf download {model} --include {include}", "a/b", [],
            ["hf", "download", "a/b", "--local-dir", "/m/x y"]
        ),
        (
            "get --to={folder} --at={revision} https://m/{model}", "a/b@refs/pr/1", ["f"],
            ["get", "--to=/m/x y", "--at=refs/pr/1", "https://m/a/b"]
        ),
        ("get --at={revision} {model} {folder}", "a/b", [], ["get", "a/b", "/m/x y"]),
        (
            "'/opt/my hf' download \"{model}\" {folder}", "a/b", [],
            ["/opt/my hf", "download", "a/b", "/m/x y"]
        ),
    ])
    func placeholdersAreFilledAsWordsOfTheirOwn(
        text: String, model: String, include: [String], expected: [String]
    ) throws {
        #expect(try filled(text, model, include: include) == expected)
    }

    @Test(arguments: [
        ("hf download", "no {model}"), ("{model}", "no {model}"), ("hf {model} {modle}", "'{modle}'"),
        ("hf {model} --include={include}", "word of its own"), ("hf '{model}", "quote"), ("  ", "no words"),
    ])
    func whatIsNoCommandIsRefused(text: String, expected: String) {
        do {
            _ = try FetchCommandLine(text)
            Issue.record("\(text) is taken")
        } catch {
            #expect(error.description.contains(expected), "\(error)")
        }
    }

    @Test(arguments: [
        "-x/y", "a/-b", "a/..", "../a", "a/b/c", "a", "a/b@--help", "a/b@", "a/b@x y", "a/b@../x", "/a/b",
        "a b/c",
        "a/b;rm", "a/$b", "a--b/c", "a/b@x//y", "ä/b", "a/b\n", String(repeating: "a", count: 95) + "/b",
    ])
    func whatCouldBeAnOptionOrAPathIsNoModel(text: String) { #expect(HubModel(text) == nil) }

    @Test(arguments: ["a/b", "Org-1/Name_2.v3", "a/b@v1.0", "a/b@refs/pr/1"])
    func whatAHubNamesIsAModel(text: String) { #expect(HubModel(text)?.description == text) }
}
