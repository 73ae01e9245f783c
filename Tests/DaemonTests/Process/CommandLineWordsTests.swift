import Della
import Testing

@testable import Daemon

/// Which words of a command line are folders of models.
@Suite struct CommandLineWordsTests {
    private func words(_ line: String) -> CommandLineWords {
        CommandLineWords(words: line.split(separator: " ").map(String.init))
    }

    @Test(arguments: [
        ("c.yml out --models a", ["a"]), ("--models a c.yml out", ["a"]), ("--models=a c.yml out", ["a"]),
        ("c.yml --models a out", ["a"]), ("--models a --models b c.yml out", ["a", "b"]),
        ("c.yml out --models a --threads 1 --models b", ["a", "b"]),
        ("c.yml out --models a b", ["a", "b"]), ("c.yml out --models a b --threads 1", ["a", "b"]),
        ("c.yml --models a b out", ["a", "b"]), ("--models a b c.yml out", ["a", "b"]),
        ("--threads 1 --models a b -- c.yml out", ["a", "b"]), ("c.yml out", []),
    ])
    func theConfigAndTheOutputAreNoFolders(line: String, folders: [String]) throws {
        let command = try words("merge " + line).parsed { try Dellad.parseAsRoot($0) }
        let merge = try #require(command as? MergeCommand).operands
        #expect(merge.models.folders.models == folders)
        #expect(merge.config == "c.yml" && merge.output == "out")
    }

    @Test(arguments: [
        ("c.yml out --audit 0.1 %", AuditPolicy.share(0.001)), ("--audit 0.1 % c.yml out", .share(0.001)),
        ("c.yml out --audit off", .off), ("--audit c.yml out", .auto), ("c.yml out --audit", .auto),
        ("c.yml --audit --no-audit out", nil), ("c.yml out --no-audit", .off), ("c.yml out", .auto),
        ("c.yml out --audit much", nil), ("--audit=2% c.yml out", .share(0.02)),
    ])
    func aShareMayBeTwoWordsAndAnAuditHaveNone(line: String, policy: AuditPolicy?) throws {
        let command = try? words("merge " + line).parsed { try Dellad.parseAsRoot($0) }
        #expect((command as? MergeCommand).map { $0.operands.merging.auditPolicy ?? .auto } == policy)
    }

    @Test(arguments: ["--models a b c.yml", "c.yml --models a b", "--models a --models b c.yml"])
    func aCheckTakesOneConfig(line: String) throws {
        let check = try #require(
            try words("check " + line).parsed { try Dellad.parseAsRoot($0) } as? CheckCommand)
        #expect(check.config == "c.yml")
        #expect(check.models.folders.models == ["a", "b"])
    }

    @Test(arguments: ["--models a b", "--models a --models b", "--models a b --allow-any-path"])
    func theServiceTakesFoldersAlone(line: String) throws {
        let serve = try #require(
            try words("serve " + line).parsed { try Dellad.parseAsRoot($0) } as? ServeCommand)
        #expect(serve.models == ["a", "b"])
    }

    @Test(arguments: [
        ("merge --models a c.yml", "Missing expected argument '<output>'"),
        ("merge c.yml out --models a --memory lots", "lots"), ("merge c.yml out --models", "--models"),
        ("merge c.yml out more", "Unexpected argument 'more'"),
    ])
    func whatIsWrongIsSaidOfTheWordsAsTheyStand(line: String, message: String) throws {
        let error = #expect(throws: (any Error).self) {
            try words(line).parsed { try Dellad.parseAsRoot($0) }
        }
        #expect(Dellad.message(for: try #require(error)).contains(message))
    }
}
