@testable import Daemon

/// Says what is wrong with what a daemon did to its spool, by what DESIGN and docs/operating.md promise. It shares no code
/// with the daemon.
struct SpoolJudge {
    /// A promise that was broken.
    struct Finding {
        /// The same for the same promise.
        var kind: String
        var text: String
    }

    private(set) var findings: [Finding] = []
    /// Models that the daemon published and nobody has touched since, by job: the content of their configs.
    private(set) var published: [String: String] = [:]
    /// What people put or changed since the daemon did: area and job.
    private(set) var byHand: Set<String> = []
    /// Jobs whose records people touched: what is kept of a done one may be none.
    private(set) var unrecorded: Set<String> = []
    /// Jobs that were there when the disk failed, until all was looked at again.
    private var disturbed: Set<String> = []
    /// Whether the statuses' folder was taken away: what was to be kept of done jobs may be lost.
    private(set) var hasLostRecords = false
    /// Jobs that were disturbed while they moved: some of what is known of them may be lost.
    private(set) var forgiven: Set<String> = []

    mutating func find(_ kind: String, _ text: String) { findings.append(Finding(kind: kind, text: text)) }

    /// A daemon that died forgot what it could not write.
    mutating func forget() { unrecorded.formUnion(disturbed) }

    mutating func rest() { disturbed = [] }

    mutating func loseRecords() { hasLostRecords = true }

    /// People did something.
    mutating func note(before: SpoolSight, after: SpoolSight) {
        for area in SpoolSight.areas {
            for name in Set(before[area].keys).union(after[area].keys)
            where before[area][name] != after[area][name] {
                if area == "status" {
                    byHand.insert("status/\(name)")
                    if let job = SpoolName.job(name, "~done.json", ".json") { unrecorded.insert(job) }
                }
                guard let job = Self.job(of: name, in: area) else { continue }
                byHand.insert("\(area)/\(job)")
                if ["output", "done", "active"].contains(area) { published[job] = nil }
            }
        }
    }

    private static func job(of name: String, in area: String) -> String? {
        switch area {
        case "status": nil
        case "failed": SpoolName.job(name, ".error.txt", ".yml")
        case "output":
            SpoolName.isJob(name[...]) ? name : SpoolName.job(name, ".journal", ".partial", hidden: true)
        default: SpoolName.config(name, in: area)
        }
    }

    /// The daemon did something.
    mutating func judge(_ step: SpoolStep) {
        let configs = step.configs
        judgeStrangers(step)
        for config in configs { judge(config, among: configs, step) }
        judgeNew(configs, step)
        judgeModels(step)
        if step.isDisturbed {
            forgiven.formUnion(configs.map(\.job))
            disturbed.formUnion(configs.map(\.job))
        } else {
            judgeRequests(configs, step)
            judgeCounts(configs, step)
            if let outcome = step.outcome { judge(outcome, step) }
            for config in configs where config.hasMoved { forgiven.remove(config.job) }
        }
        for config in configs where config.hasMoved {
            if let place = config.place { byHand.remove("\(place.area)/\(config.job)") }
            if config.place?.area == "done" { unrecorded.remove(config.job) }
            if step.kind == .clear { published[config.job] = nil }
        }
        for (name, item) in step.after["status"] where step.before["status"][name] != item {
            byHand.remove("status/\(name)")
        }
    }

    // MARK: Strangers

    /// What is not the daemon's stays as it is, or makes room beside.
    private mutating func judgeStrangers(_ step: SpoolStep) {
        for area in SpoolSight.areas {
            let (before, after) = (step.before[area], step.after[area])
            for (name, item) in before {
                guard SpoolName.config(name, in: area) == nil, !SpoolName.isDaemons(name, in: area) else {
                    continue
                }
                if after[name] == item { continue }
                let isRequest = area == "incoming" && SpoolName.request(name) != nil
                if isRequest, item.kind == .file, after[name] == nil { continue }
                if isRequest, item.kind != .file, Self.isAside(item, name, after) { continue }
                find(
                    "stranger", "\(area)/\(name): was touched: \(item) is \(String(describing: after[name]))")
            }
            for (name, item) in after where before[name] == nil {
                guard SpoolName.config(name, in: area) == nil, !SpoolName.isDaemons(name, in: area) else {
                    continue
                }
                if area == "output", SpoolName.isJob(name[...]) { continue }
                if name.hasSuffix(".aside"), before.values.contains(where: { $0.isSame(as: item) }) {
                    continue
                }
                find("litter", "\(area)/\(name): \(item) was made")
            }
        }
    }

    /// Whether something is beside, under a hidden name.
    static func isAside(_ item: SpoolSight.Item, _ name: String, _ after: [String: SpoolSight.Item]) -> Bool {
        after.contains {
            $0.key.hasPrefix(".\(name).") && $0.key.hasSuffix(".aside") && $0.value.isSame(as: item)
        }
    }

    /// Nothing that has a name in the output is touched, and what gets one is the model of a config.
    private mutating func judgeModels(_ step: SpoolStep) {
        for (name, item) in step.after["output"] where step.before["output"][name] == nil {
            guard SpoolName.isJob(name[...]) else { continue }
            let active = step.before["active"]["\(name).yml"]?.content
            let failed = step.before["failed"]["\(name).yml"]?.content
            let read = step.running.0.flatMap { $0.job == name ? $0.content : nil }
            guard
                let content = [read, active, failed].compactMap({ $0 }).first(where: {
                    item.content == "model=\($0);"
                })
            else {
                find("model", "output/\(name): \(item.content) was made, of no config that is there")
                continue
            }
            published[name] = content
        }
    }

    /// The daemon counts each job that ends.
    private mutating func judgeCounts(_ configs: [SpoolStep.Config], _ step: SpoolStep) {
        guard step.kind != .recover else { return }
        let wrote = step.after["done"].filter { name, item in
            SpoolName.config(name, in: "done") != nil && step.before["done"][name]?.isSame(as: item) != true
        }
        if step.counted.done != wrote.count {
            find("count", "\(step.counted.done) done jobs were counted, \(wrote.keys.sorted()) came to done")
        }
        let ended = configs.filter { $0.hasMoved && $0.place?.area == "failed" }
        if step.counted.other < ended.count {
            find(
                "count", "\(step.counted.other) failed jobs were counted, \(ended.map(\.name)) came to failed"
            )
        }
    }

    /// The merge under way has ended so.
    private mutating func judge(_ outcome: JobOutcome, _ step: SpoolStep) {
        guard let run = step.running.0 else { return }
        let model = step.after["output"][run.job]?.content == "model=\(run.content);"
        let done = step.after["done"]["\(run.job).yml"]?.content == run.content
        switch outcome {
        case .done where !model || !done:
            find("outcome", "\(run.job) is merged: model \(model), in done \(done)")
        case .failed where done, .stopped where done: find("outcome", "\(run.job) \(outcome) and is in done")
        default: break
        }
    }
}
