@testable import MergeReference

/// Makes acts from a seed.
struct SpoolActGenerator {
    private var random: SeededRandom
    /// What a case is about: some have no disturbances, so that more is checked.
    private let isCalm: Bool

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        isCalm = Int.random(in: 0..<4, using: &random) == 0
    }

    mutating func make() -> [SpoolAct] {
        (0..<Int.random(in: 10...60, using: &random)).map { _ in act() }
    }

    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

    private static let long = String(repeating: "n", count: 128)
    private static let folders = ["incoming", "active", "done", "failed"]

    /// A job's name: few, so that they meet.
    private mutating func job() -> String {
        chance(8)
            ? pick(["A", "a.b", "-d", "a.error", "a.yml", Self.long]) : pick(["a", "a", "a", "b", "b", "c"])
    }

    /// A name that no job can have, or that is no config's.
    private mutating func oddName() -> String {
        pick([
            "my merge.yml", ".hidden.yml", "a.yml~", "a.YML", "a.tmp", ".a.yml.swp", "a", ".yml", "..yml",
            "-.txt",
            "\u{E9}.yml", "\u{FF}\u{FE}.yml", "\u{C3}\u{A9}.cancel", "a\nb.yml", Self.long + "n.yml",
            "a~done.yml",
            "4913", "a.yml.bak", "#a.yml#", "lost+found", ".nfs0001",
        ])
    }

    private mutating func configName() -> String { job() + (chance(4) ? ".yaml" : ".yml") }

    private mutating func fileName(in folder: String) -> String {
        switch folder {
        case "incoming": chance(6) ? job() + pick([".cancel", ".retry"]) : configName()
        case "status": job() + (chance(5) ? "~done.json" : ".json")
        case "output": chance(2) ? job() : ".\(job())" + pick([".partial", ".journal"])
        default: chance(4) && folder == "failed" ? job() + ".error.txt" : job() + ".yml"
        }
    }

    private mutating func kind() -> String { pick(["good", "good", "good", "good", "fail", "full"]) }

    /// Times that meet, in seconds since the epoch.
    private mutating func time() -> Int { pick([1, 1000, 1000, 1001, 1002, 2000, 4_000_000_000]) }

    private mutating func act() -> SpoolAct {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<20: drop(in: "incoming")
        case 20..<26: .submit(job(), kind: kind(), isFirst: chance(3))
        case 26..<33: request()
        case 33..<40: .pass(seconds: pick([0.1, 1.5, 2.1, 11, 31, 31, 40]))
        case 40..<50: .begin
        case 50..<60: .end
        case 60..<68: .beginAndEnd
        case 68..<76: shuffle()
        case 76..<82: strange()
        case 82..<85: drop(in: pick(["active", "active", "done", "failed"]))
        case 85..<87: .touch(configName(), in: pick(["incoming", "active", "failed"]), at: time())
        default: isCalm ? .beginAndEnd : disturb()
        }
    }

    private mutating func drop(in folder: String) -> SpoolAct {
        let name = folder == "incoming" ? (chance(12) ? oddName() : configName()) : job() + ".yml"
        return .write(
            name, in: folder, kind: kind(), at: time(), pick(SpoolAct.Manner.allCases), isHeard: !chance(4))
    }

    private mutating func request() -> SpoolAct {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: .cancel(job())
        case 1: .retry(job())
        default: .request(job() + pick([".cancel", ".cancel", ".retry"]), at: time(), isHeard: !chance(4))
        }
    }

    /// What a user does to files that are there.
    private mutating func shuffle() -> SpoolAct {
        let folder = pick(Self.folders)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return .remove(fileName(in: folder), in: folder)
        case 1:
            let area = pick(["output", "output", "status"])
            return .remove(fileName(in: area), in: area)
        case 2: return .move(job(), in: "output", to: job(), into: "outside", copies: false, isHeard: false)
        default:
            let target = pick(Self.folders + ["incoming", "outside"])
            return .move(
                configName(), in: folder, to: target == "incoming" ? configName() : job() + ".yml",
                into: target,
                copies: chance(3), isHeard: !chance(4))
        }
    }

    private mutating func strange() -> SpoolAct {
        let area = pick(Self.folders + ["incoming", "status", "output"])
        let name = chance(2) ? oddName() : fileName(in: area)
        // What has the name of a merge's own books is taken for them.
        let isBook = area == "output" && name.hasPrefix(".")
        return .stranger(isBook ? job() : name, in: area, pick(SpoolAct.Stranger.allCases))
    }

    private mutating func disturb() -> SpoolAct {
        switch Int.random(in: 0..<13, using: &random) {
        case 0: .stop
        case 1, 2: .kill
        case 3, 4: .die(steps: Int.random(in: 1...30, using: &random), isPowerCut: false)
        case 5: .die(steps: Int.random(in: 1...30, using: &random), isPowerCut: true)
        case 6, 7:
            .fault(
                .init(kind: pick(SpoolAct.Fault.Kind.allCases), every: Int.random(in: 1...5, using: &random)))
        case 8, 9: .heal
        case 10: .reload(jobsPerUser: pick([1, 2, 1000]))
        case 11: .clear(days: pick([0, 2, 10]))
        default:
            chance(3)
                ? .removeFolder(pick(Self.folders + ["status"]), obstructs: chance(2))
                : .chmod(configName(), in: pick(["incoming", "active", "failed"]), pick([0, 0o200, 0o644]))
        }
    }
}
