import Foundation

@testable import Daemon

/// What must hold whenever the daemon has looked at all there is, and its disk is well.
extension SpoolJudge {
    /// A status file, read by other code than wrote it.
    struct Record {
        var json: [String: Any]
        var state: String { json["state"] as? String ?? "" }
        var error: String? { json["error"] as? String }

        init?(_ item: SpoolSight.Item?) {
            guard let item, item.kind == .file else { return nil }
            let text = item.content.drop { $0 != ":" }.dropFirst()
            guard let json = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
                return nil
            }
            self.json = json
        }

        var hasEnded: Bool { ["done", "failed", "cancelled"].contains(state) }
    }

    mutating func judgeRest(_ sight: SpoolSight, running: SpoolStep.Running?) {
        for (name, item) in sight["status"] {
            guard let job = SpoolName.job(name, "~done.json", ".json"), item.kind == .file else { continue }
            guard let record = Record(item) else {
                if !byHand.contains("status/\(name)"), !forgiven.contains(job) {
                    find("record", "status/\(name): cannot be parsed: \(item.content.prefix(200))")
                }
                continue
            }
            judge(record, name)
        }
        for found in SpoolStep.configs(of: sight) where found.item.kind == .file {
            judgeState(found, sight, running)
        }
    }

    /// What a record says agrees with itself.
    private mutating func judge(_ record: Record, _ name: String) {
        let json = record.json
        func isNull(_ key: String) -> Bool { json[key] is NSNull }
        let isWrong =
            json["schema"] as? Int != 1
            || json["job"] as? String != SpoolName.job(name, "~done.json", ".json")
            || record.hasEnded == isNull("finished_at") || !isNull("eta_seconds") && record.state != "merging"
            || (record.state == "done") != (json["exit_code"] as? Int == 0)
            || (record.state == "cancelled") != (json["exit_code"] as? Int == 130)
            || !record.hasEnded && !isNull("exit_code")
            || record.hasEnded && (record.state == "done") != (record.error == nil)
        let fraction = json["fraction"] as? Double ?? -1
        if isWrong || !(0...1).contains(fraction) { find("record", "status/\(name): \(json)") }
    }

    /// What is said of a job is what its config's place says.
    private mutating func judgeState(
        _ found: SpoolStep.Found, _ sight: SpoolSight, _ running: SpoolStep.Running?
    ) {
        let job = found.job
        guard found.area != "incoming", !byHand.contains("\(found.area)/\(job)"),
            !byHand.contains("status/\(job).json"),
            !byHand.contains("status/\(job)~done.json"), !forgiven.contains(job)
        else { return }
        let record = Record(sight["status"]["\(job).json"])
        func wrong(_ what: String) {
            find("state", "\(found.area)/\(found.name): its status is \(record?.state ?? "none")\(what)")
        }
        switch found.area {
        case "active":
            let state = running?.job == job ? "merging" : "queued"
            if record?.state != state { wrong(", it is \(state)") }
        case "failed":
            guard record?.state == "failed" || record?.state == "cancelled" else {
                // Another of its name is on its way.
                return sight["active"]["\(job).yml"] == nil ? wrong("") : ()
            }
            let reason = sight["failed"]["\(job).error.txt"]?.content.drop { $0 != ":" }.dropFirst()
            let text = reason.map { $0.trimmingCharacters(in: .newlines) }
            if text != record?.error {
                wrong(", for \(record?.error ?? "nothing"), its reason \(text ?? "nothing")")
            }
        default:
            let isLast = record?.state == "done"
            let isKept = Record(sight["status"]["\(job)~done.json"])?.state == "done"
            if !isLast, !isKept, !unrecorded.contains(job), !hasLostRecords { wrong("") }
        }
    }

    /// The job that starts is the first of those that may; those before it have ended.
    mutating func judgeOrder(_ step: SpoolStep) {
        guard step.running.0 == nil, let started = step.running.1?.job,
            let first = step.before["active"]["\(started).yml"]
        else { return }
        for (name, item) in step.before["active"] {
            guard let job = SpoolName.config(name, in: "active"), job != started else { continue }
            let isBefore =
                item.modified != first.modified
                ? item.modified < first.modified : job.utf8.lexicographicallyPrecedes(started.utf8)
            // What is tried again has its time.
            let isDelayed = Record(step.before["status"]["\(job).json"])?.error != nil
            if isBefore, !isDelayed, step.after["active"][name] != nil {
                find("order", "\(started) started before \(job): \(first.modified), \(item.modified)")
            }
        }
    }

    /// Nothing disturbs any more, and enough time has passed: all that could be done is done.
    mutating func judgeEnd(_ sight: SpoolSight) {
        for found in SpoolStep.configs(of: sight) where found.area == "incoming" || found.area == "active" {
            find("stuck", "\(found.area)/\(found.name) is left: \(found.item)")
        }
        for name in sight["incoming"].keys where SpoolName.request(name) != nil {
            find("stuck", "incoming/\(name) is left")
        }
        for area in ["active", "failed", "done", "status"] {
            for name in sight[area].keys where SpoolName.isDaemons(name, in: area) && name.hasPrefix(".") {
                find("left", "\(area)/\(name) is left")
            }
        }
        for name in sight["output"].keys {
            guard let job = SpoolName.job(name, ".journal", ".partial", hidden: true) else { continue }
            let hasFailed = sight["failed"]["\(job).yml"] != nil
            // Whose config was taken away by hand, that is said at the next start.
            let isOrphan = ["active", "failed", "done", "output"].contains { byHand.contains("\($0)/\(job)") }
            if !hasFailed, !isOrphan { find("left", "output/\(name) is left, \(job) has not failed") }
        }
        for (job, content) in published where sight["done"]["\(job).yml"]?.content != content {
            find("forgotten", "output/\(job) is of \(content), which is not in done")
        }
    }
}
