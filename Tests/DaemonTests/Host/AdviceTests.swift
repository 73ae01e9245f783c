import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Sizes that messages name are tried: what is advised is taken.
@Suite struct AdviceTests {
    /// The sizes in a text: words that begin with a digit.
    private static func sizes(in text: String, after words: String) -> [ByteCount] {
        text.split(separator: words).dropFirst().compactMap { rest in
            ByteCount(rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") })
        }
    }

    @Test func aBudgetThatFitsIsNamed() throws {
        for _ in 0..<2000 {
            let limit = UInt64.random(in: 1..<(1 << UInt64.random(in: 21..<62)))
            let facts = MemoryFacts(groupLimit: limit, groupFree: limit, hostFree: .max, hostTotal: .max)
            do throws(CommandFailure) {
                _ = try facts.budget(asked: limit)
                Issue.record("\(limit) fits into itself and 64M")
            } catch {
                guard limit > MemoryFacts.overhead else { continue }
                let advised = try #require(Self.sizes(in: error.message, after: "ask for ").first)
                #expect(try facts.budget(asked: advised.bytes) == advised.bytes, "\(error.message)")
                #expect(limit - MemoryFacts.overhead - advised.bytes < 1 << 20, "\(error.message)")
            }
        }
    }

    /// By the program itself, as a person would paste it.
    @Test func aBudgetThatSufficesIsNamed() throws {
        let rig = try MergeRig()
        var budget = "1K"
        var tries = 0
        while true {
            let result = try rig.run(
                "merge", rig.config.string, rig.output.string, "--models", rig.models.string, "--memory",
                budget, "--threads", "3")
            guard result.code != 0 else { break }
            #expect(result.code == 78, "\(result.errors)")
            let advised = try #require(Self.sizes(in: result.errors, after: "use --memory ").first)
            budget = advised.description
            #expect(result.errors.contains("use --memory \(budget))"), "\(result.errors)")
            tries += 1
            try #require(tries < 2, "\(result.errors)")
        }
        #expect(tries == 1)
    }

    @Test func aBudgetOfAConfigThatSufficesIsNamed() throws {
        let rig = try MergeRig(dellad: ", memory: 1K")
        let refused = try rig.run("check", rig.config.string, "--models", rig.models.string)
        #expect(refused.code == 65)
        let advised = try #require(Self.sizes(in: refused.errors, after: "(write ").first)
        let config = rig.folder.path / "more.yml"
        try config.write(rig.config.text.replacing("memory: 1K", with: "memory: \(advised)"))
        let taken = try rig.run("check", config.string, "--models", rig.models.string)
        #expect(taken.code == 0, "\(taken.errors)")
    }

    @Test func aSettingsRemedyNamesASizeThatIsTaken() throws {
        for setting in [Setting.memory, .shardSize] {
            let problem = try #require(setting.problem(with: ["much"]))
            let advised = try #require(problem.split(separator: ": ").last?.dropLast())
            #expect(setting.problem(with: [String(advised)]) == nil, "\(problem)")
        }
    }
}
