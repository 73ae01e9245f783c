/// Configs: each is in one place, byte for byte.
extension SpoolJudge {
    mutating func judge(_ config: SpoolStep.Config, among all: [SpoolStep.Config], _ step: SpoolStep) {
        let shown = "\(config.area)/\(config.name) (\(config.item.content.prefix(40)))"
        guard let place = config.place else {
            if !mayVanish(config, among: all, step) { find("lost", "\(shown): is gone after \(step.kind)") }
            return
        }
        guard config.hasMoved else { return }
        let move = "\(config.area) to \(place.area)"
        if !mayMove(config, to: place.area, step) {
            find("move", "\(shown): went from \(move) in \(step.kind)")
        }
        // One that was replaced while it merged may find its usual name taken.
        let isPutBack = config.area == "active" && place.name == "\(config.job).yaml"
        if place.name != "\(config.job).yml", !isPutBack {
            find("name", "\(shown): is \(place.area)/\(place.name)")
        }
        if !step.isDisturbed, config.area != place.area {
            for area in [config.area, place.area] where !step.steps.contains("sync \(area)") {
                find("sync", "\(shown): went from \(move), and \(area) was not synced: \(step.steps)")
            }
        }
        if place.area == "failed" { judgeFailure(config, step) }
        if place.area == "done" { judgeDone(config.job, config.item, step) }
    }

    private func mayMove(_ config: SpoolStep.Config, to area: String, _ step: SpoolStep) -> Bool {
        func isAsked(_ ending: String) -> Bool { step.before["incoming"][config.job + ending]?.kind == .file }
        switch (config.area, area) {
        case ("incoming", "active"), ("incoming", "failed"): return step.kind != .start && step.kind != .clear
        case ("active", "failed"), ("active", "done"): return step.kind != .clear
        case ("active", "incoming"):
            return step.running.0.map { $0.job == config.job && $0.content != config.item.content } ?? false
        case ("failed", "incoming"), ("failed", "active"): return isAsked(".retry") && step.kind == .settle
        // The cancel of it came after its merge was complete.
        case ("failed", "done"): return isAsked(".cancel") && step.kind == .settle
        default: return false
        }
    }

    /// What has ended makes room for another of its name; a model that is there keeps its config.
    private func mayVanish(_ config: SpoolStep.Config, among all: [SpoolStep.Config], _ step: SpoolStep)
        -> Bool
    {
        if config.item.kind == .folder, config.area == "incoming" {
            return Self.isAside(config.item, config.name, step.after["incoming"])
        }
        if Self.isAside(config.item, config.name, step.after[config.area]) { return true }
        if step.kind == .clear { return config.area == "failed" || config.area == "done" }
        let areas = ["active", "failed", "done"]
        let others = all.contains { other in
            other.job == config.job && other.hasMoved && other.place.map { areas.contains($0.area) } ?? false
        }
        // A job may have been taken up and have ended at once, but no more than that is lost of it.
        let hasEnded = config.area == "failed" || config.area == "done"
        if hasEnded, config.area == "done", step.before["output"][config.job] != nil {
            return step.after["done"]["\(config.job).yml"].map { $0 != config.item } ?? false
        }
        if hasEnded, step.kind == .start || step.kind == .settle || step.kind == .end || step.kind == .recover
        {
            // A job that starts removes what lies there of its name, also what was put there since it was queued.
            if others || step.running.1?.job == config.job || isActive(config.job, step) { return true }
        }
        // Room was made, and then the disk failed.
        let isAwaited = all.contains { $0.job == config.job && ["incoming", "active"].contains($0.area) }
        if hasEnded, step.isDisturbed, isAwaited { return true }
        return others && (step.kind == .settle || step.kind == .end)
    }

    private func isActive(_ job: String, _ step: SpoolStep) -> Bool {
        step.before["active"]["\(job).yml"] != nil || step.running.0?.job == job
    }

    /// What came out of nothing: a config that was merged, and was taken away meanwhile.
    mutating func judgeNew(_ configs: [SpoolStep.Config], _ step: SpoolStep) {
        for found in SpoolStep.configs(of: step.after) {
            let isKnown = configs.contains { config in
                config.place.map { $0.area == found.area && $0.name == found.name } ?? false
            }
            guard !isKnown else { continue }
            let isMerged =
                step.running.0.map { $0.job == found.job && $0.content == found.item.content } ?? false
            guard found.area == "done", isMerged else {
                find("made", "\(found.area)/\(found.name): \(found.item) came out of nothing in \(step.kind)")
                continue
            }
            judgeDone(found.job, found.item, step)
        }
    }

    /// What is in done is what was merged.
    private mutating func judgeDone(_ job: String, _ item: SpoolSight.Item, _ step: SpoolStep) {
        let model = step.after["output"][job]?.content
        if model != "model=\(item.content);" {
            find(
                "done",
                "done/\(job).yml: \(item.content), its model is \(model ?? "not there") after \(step.kind)")
        }
    }

    /// A failure has a reason, and the reason a cause.
    private mutating func judgeFailure(_ config: SpoolStep.Config, _ step: SpoolStep) {
        let (job, item) = (config.job, config.item)
        if published[job] == item.content {
            find("merged", "\(config.area)/\(config.name): went to failed, and its model has its name")
        }
        guard !step.isDisturbed, !forgiven.contains(job) else { return }
        // Another of the name may have come after it.
        guard step.after["failed"]["\(job).yml"]?.isSame(as: item) == true else { return }
        guard let reason = step.after["failed"]["\(job).error.txt"]?.content else {
            return find("reason", "failed/\(job).yml: has no reason")
        }
        let text = String(reason.drop { $0 != ":" }.dropFirst())
        let content = item.content.drop { $0 != ":" }.dropFirst()
        let ran = step.running.0?.content.drop { $0 != ":" }.dropFirst() ?? content
        let cancel = step.before["incoming"]["\(job).cancel"]
        let isCaused =
            if text.hasPrefix("cancelled") {
                cancel.map { $0.kind == .file && $0.modified >= item.modified } ?? false
            } else if text.contains(": exists (") {
                step.before["output"][job] != nil
            } else if text.hasPrefix("it fails") {
                ran.hasPrefix("fail")
            } else if text.hasPrefix("disk full") {
                ran.hasPrefix("full")
            } else if text.contains("symbolic link") || text.contains("regular file")
                || text.contains("larger than")
            {
                item.kind != .file || item.content.hasPrefix("1048577:")
            } else if text.contains("cannot be read") {
                item.mode & 0o777 == 0 || item.mode & 0o400 == 0
            } else {
                false
            }
        if !isCaused { find("cause", "\(config.area)/\(config.name): failed without a cause: \(text)") }
    }

    /// What was asked for was done before the request went.
    mutating func judgeRequests(_ configs: [SpoolStep.Config], _ step: SpoolStep) {
        for (name, item) in step.before["incoming"] {
            guard let job = SpoolName.request(name), item.kind == .file, step.after["incoming"][name] == nil
            else {
                continue
            }
            let own = configs.filter { $0.job == job && $0.item.kind != .folder }
            if name.hasSuffix(".cancel") {
                guard step.before["incoming"]["\(job).retry"] == nil else { continue }
                for config in own where config.area == "incoming" || config.area == "active" {
                    guard let place = config.place, config.item.modified <= item.modified else { continue }
                    if place.area == "incoming" || place.area == "active" {
                        find(
                            "cancel",
                            "\(name) was heard, and \(config.area)/\(config.name) is in \(place.area)")
                    }
                }
            } else if step.before["incoming"]["\(job).cancel"] == nil,
                !own.contains(where: { $0.area == "incoming" })
            {
                for config in own where config.area == "failed" && config.place?.area == "failed" {
                    find("retry", "\(name) was heard, and failed/\(config.name) is where it was")
                }
            }
        }
    }
}
