/// A case of the fuzzer, and what is wrong in it.
struct SpoolCase {
    /// Cases that are tried to make one smaller, at most.
    private static let attemptLimit = 400

    /// Lines of the log that are shown.
    private static let lineLimit = 12

    var acts: [SpoolAct]

    /// Turns that must do for all that is left to be done.
    private static let turnLimit = 400

    /// The first promises that are broken; none where all are kept.
    func findings() throws -> [SpoolJudge.Finding] {
        let world = try SpoolWorld()
        for (number, act) in acts.enumerated() {
            try world.perform(act)
            guard world.judge.findings.isEmpty else { return told(world, "after act \(number + 1)") }
        }
        try settle(world)
        guard world.judge.findings.isEmpty else { return told(world, "in the end") }
        world.judge.judgeEnd(world.sight)
        return told(world, "in the end")
    }

    /// Nobody does anything any more, and the disk is well.
    private func settle(_ world: SpoolWorld) throws {
        try world.perform(.heal)
        try world.perform(.reload(jobsPerUser: 1000))
        try world.perform(.end)
        var (last, still) = (world.sight, 0)
        for _ in 0..<Self.turnLimit where world.judge.findings.isEmpty {
            try world.perform(.pass(seconds: 31))
            try world.perform(.pass(seconds: 2.5))
            try world.perform(.beginAndEnd)
            let now = world.sight
            still = now == last ? still + 1 : 0
            last = now
            // What is tried again waits for no longer than that.
            if still == (world.isAtRest ? 2 : 4) { return }
        }
    }

    private func told(_ world: SpoolWorld, _ when: String) -> [SpoolJudge.Finding] {
        guard !world.judge.findings.isEmpty else { return [] }
        return world.judge.findings.map { .init(kind: $0.kind, text: "\($0.text) (\(when))") }
            + world.lines.all.suffix(Self.lineLimit).map { .init(kind: "log", text: $0) }
    }

    /// Fewer acts that fail in the same way.
    func smaller(_ findings: [SpoolJudge.Finding], until end: ContinuousClock.Instant) throws -> (
        SpoolCase, [SpoolJudge.Finding]
    ) {
        var (small, found, attempts) = (self, findings, 0)
        var length = max(1, acts.count / 2)
        while length > 0, attempts < Self.attemptLimit, ContinuousClock.now < end {
            var start = 0
            var isSmaller = false
            while start < small.acts.count, attempts < Self.attemptLimit, ContinuousClock.now < end {
                var candidate = small
                candidate.acts.removeSubrange(start..<min(start + length, small.acts.count))
                attempts += 1
                let now = try candidate.findings()
                if now.first?.kind == found.first?.kind {
                    (small, found, isSmaller) = (candidate, now, true)
                } else {
                    start += length
                }
            }
            if !isSmaller || length > 1 { length /= 2 }
        }
        return (small, found)
    }
}
