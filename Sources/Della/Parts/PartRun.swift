import StreamIO
import SystemPackage

/// One part of a merge whose shards several processes write, on one machine or on many that share a file system: from the
/// config's text to the part's shards in `.NAME.partial`. Resumes where an earlier run stopped.
///
/// Nobody coordinates the parts. Each plans the whole merge, which gives every machine the same plan, takes the shards
/// that `PartDivision` gives it, and keeps a journal of its own in `.NAME.journals`. `PartAssembly` does the rest.
public struct PartRun: Sendable {
    /// What became of a part.
    public enum Outcome: Sendable {
        /// Its shards are whole now.
        case built(MergeSummary)
        /// They were before.
        case builtBefore
        /// So was the merge, and it has its name.
        case published
    }

    private let planned: PartedMerge
    private let part: MergePart
    private let patience: Duration

    /// - Parameters:
    ///   - merge: what all parts have in common.
    ///   - patience: how long a lock of another machine is waited for: that long it may outlive a machine that was lost.
    public init(_ merge: PartedMerge, _ part: MergePart, patience: Duration = .seconds(120)) {
        planned = merge
        self.part = part
        self.patience = patience
    }

    /// Plans and builds the part.
    ///
    /// - Parameter planned: called with the plan's warnings before a weight is read.
    /// - Throws: every problem of the config, or what ended the part. What is durable stays for a retry.
    public func perform(
        progress: MergeProgress, stop: StopRequest, planned tell: ([String]) -> Void = { _ in }
    ) throws(RecipeError) -> Outcome {
        let start = ContinuousClock.now
        let plan = try planned.plan(progress: progress, stop: stop)
        tell(plan.warnings)
        do throws(MergeFailure) {
            return try perform(plan, since: start, progress, stop)
        } catch {
            // Others may have ended it, and removed what was looked for.
            if error.kind != .stopped,
                self.planned.places.isPublishedForSure(plan, configText: self.planned.text)
            {
                return .published
            }
            throw .failure(error)
        }
    }

    private func perform(
        _ plan: MergePlan, since start: ContinuousClock.Instant, _ progress: MergeProgress,
        _ stop: StopRequest
    ) throws(MergeFailure) -> Outcome {
        let share = PartDivision(plan, count: part.count).shares[part.index]
        let merge = ShardMerge(
            plan: plan.part(share), options: planned.options, places: planned.places.part(part),
            library: planned.planner.library, report: planned.report, progress: progress, stop: stop)
        let layout = share.shards.isEmpty ? nil : try merge.layout()
        guard let agreement = try agree(plan, merge) else { return .published }
        let lock = try waitForLock(merge)
        defer { withExtendedLifetime(lock) {} }
        let (journal, content) = try open(agreement.identity, merge)
        guard !content.isComplete else { return .builtBefore }
        do throws(MergeFailure) {
            return .built(try build(merge, layout, journal, content, agreement, since: start))
        } catch {
            try? merge.settle(after: error) { () throws(IOError) in try merge.places.discard(merge.plan) }
            throw error
        }
    }

    // MARK: Beginning

    /// Finds what the parts have agreed on, or is the first to say so; `nil` where the merge has its name already.
    private func agree(_ plan: MergePlan, _ merge: ShardMerge) throws(MergeFailure) -> PartAgreement? {
        let places = planned.places
        let own = PartAgreement(
            identity: MergeIdentity(plan, configText: planned.text), count: part.count,
            auditSeed: AuditReport.freshSeed, audits: planned.options.audit != .off,
            reports: planned.options.report)
        // Those who assemble remove the journals once the output has its name: here, and once more below.
        if try places.isPublished(plan, configText: planned.text) { return nil }
        let found: PartAgreement?
        do {
            let lock = try waitForAgreementLock(merge)
            defer { withExtendedLifetime(lock) {} }
            if try places.isPublished(plan, configText: planned.text) {
                // Of what was removed meanwhile, the lock has made some again.
                try? places.removeJournals()
                return nil
            }
            found = try PartAgreement.read(of: places)
            if found == nil {
                try begin(own)
            } else if try FileSystem.status(places.whole.path, followLinks: false) == nil {
                // It has got its name just now, or somebody removed it.
                if try places.isPublished(plan, configText: planned.text) { return nil }
                try FileSystem.createFolder(places.whole.path)
                try FileSystem.syncFolder(places.whole.parent)
            }
        } catch let error as IOError {
            throw .creation(error, output: places.whole.output)
        } catch {
            throw MergeFailure(error)
        }
        if let found, let difference = own.difference(from: found) {
            throw planned.otherMerge(difference)
        }
        return found ?? own
    }

    /// Begins the merge, or leaves nothing that would keep others from it.
    private func begin(_ agreement: PartAgreement) throws {
        do {
            try refuseSingle()
            try planned.places.refuseTooLongName()
            try planned.places.whole.renew()
            try agreement.write(to: planned.places.agreement)
        } catch {
            try? planned.places.removeJournals()
            throw error
        }
    }

    private func refuseSingle() throws {
        let whole = planned.places.whole
        guard try FileSystem.status(whole.journal, followLinks: false) != nil else { return }
        throw MergeFailure(
            .underWay,
            "\(whole.output): a merge without parts is under way or was left there (go on without --part, or "
                + "remove \(whole.journal) and \(whole.path))")
    }

    private func waitForAgreementLock(_ merge: ShardMerge) throws(MergeFailure) -> FileLock {
        try planned.lock(planned.places.agreementLock, patience: .seconds(60), merge.beat) { _ in true }
    }

    /// A process of this machine that has the part is alive; that of another may have been lost with it.
    private func waitForLock(_ merge: ShardMerge) throws(MergeFailure) -> FileLock {
        try planned.lock(planned.places.lock(of: part), patience: patience, merge.beat) { holder in
            guard let holder, !holder.isHere else { return false }
            planned.report(
                "part \(part) is held by process \(holder.process) on \(holder.machine): waiting for it to end, or for "
                    + "that machine's locks to be given up")
            return true
        }
    }

    /// Finds what an earlier run left of the part, or begins it.
    private func open(
        _ identity: MergeIdentity, _ merge: ShardMerge
    ) throws(MergeFailure) -> (MergeJournal, MergeJournal.Content) {
        let places = merge.places
        do throws(IOError) {
            let earlier = try MergeJournal.open(places.journal)
            defer { withExtendedLifetime(earlier) {} }
            if let earlier {
                var content = try earlier.read()
                if content.isEmpty {
                    try places.discard(merge.plan)
                } else if let reason = try PartContent(content).reasonToStartOver(
                    identity, merge.plan, places)
                {
                    planned.report("part \(part): starting over: \(reason)")
                    try places.discard(merge.plan)
                } else {
                    if !content.isComplete {
                        try earlier.resume(after: content)
                        content.point.resumptions += 1
                    }
                    return (earlier, content)
                }
            }
            let journal = try MergeJournal.create(places.journal, for: identity)
            try FileSystem.syncFolder(places.journals)
            return (journal, MergeJournal.Content(identity: identity))
        } catch {
            throw .creation(error, output: places.output)
        }
    }

    // MARK: Building

    private func build(
        _ merge: ShardMerge, _ layout: MergeLayout?, _ journal: MergeJournal,
        _ content: MergeJournal.Content, _ agreement: PartAgreement, since start: ContinuousClock.Instant
    ) throws(MergeFailure) -> MergeSummary {
        var summary = MergeSummary(merge.plan, resumptions: content.point.resumptions)
        if let layout {
            let written = try merge.write(layout, from: content.point, journal: journal)
            (summary.engine, summary.simd) = (written.engine, written.simd)
            summary.audit = try merge.audit(written, journal, since: start, seed: agreement.auditSeed)
        }
        summary.seconds = start.duration(to: .now).seconds
        do throws(IOError) {
            try journal.append(
                .built(
                    BuiltParts(seconds: summary.seconds, audit: summary.audit.map(BuiltParts.Audit.init))))
            try journal.append(.complete)
        } catch {
            throw .io(error)
        }
        summary.close(since: start, merge.progress)
        return summary
    }
}
