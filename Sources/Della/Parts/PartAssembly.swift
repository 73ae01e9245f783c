import StreamIO
import SystemPackage

/// Puts the parts of a merge together: index, companions, card, record and report, as one merge would write them, and the
/// same rename.
///
/// What the parts have in their journals becomes the journal of one merge all of whose shards are written, and `MergeRun`
/// goes on from there. Until it has its name, all of this can be begun anew from the parts' journals; once the journal
/// says complete, whoever comes next finishes it.
public struct PartAssembly: Sendable {
    /// What became of it.
    public enum Outcome: Sendable {
        case assembled(MergeSummary)
        /// It has its name already, or another run had left only the last steps to make.
        case published
        /// Parts that are not whole yet, by number; all of them where none was begun, of how many nobody knows then.
        case waiting([Int], of: Int?)
        /// Another process assembles it.
        case underWay(String)
    }

    /// How often is looked whether parts are whole, and how often is said that they are not.
    private static let lookInterval = Duration.seconds(2)
    private static let remarkInterval = Duration.seconds(60)
    /// How often the last steps of what is published are tried.
    private static let endingLimit = 5

    private let merge: PartedMerge
    private let mayBeBehind: @Sendable (FilePath) -> Bool
    private let looked: @Sendable () -> Void
    private var places: PartPlaces { merge.places }

    public init(_ merge: PartedMerge) {
        self.init(merge, mayBeBehind: { FileSystem.mayBeBehind($0) }, looked: {})
    }

    /// For tests.
    ///
    /// - Parameters:
    ///   - mayBeBehind: see `FileSystem`.
    ///   - looked: called when it has looked which parts are whole, and may do nothing about it yet.
    init(
        _ merge: PartedMerge, mayBeBehind: @escaping @Sendable (FilePath) -> Bool = { _ in false },
        looked: @escaping @Sendable () -> Void
    ) {
        self.merge = merge
        self.mayBeBehind = mayBeBehind
        self.looked = looked
    }

    /// Plans the merge, and assembles it if all parts are whole.
    ///
    /// - Parameters:
    ///   - waits: whether parts that are not whole, and others who assemble, are waited for.
    ///   - planned: called with the plan's warnings.
    /// - Throws: every problem of the config, or what ended it. The parts stay as they are.
    public func perform(
        waits: Bool, progress: MergeProgress, stop: StopRequest, planned tell: ([String]) -> Void = { _ in }
    ) throws(RecipeError) -> Outcome {
        let plan = try merge.plan(progress: progress, stop: stop)
        tell(plan.warnings)
        do throws(MergeFailure) {
            var remark: (text: String, at: ContinuousClock.Instant)?
            var isSettled = waits || !mayBeBehind(places.whole.parent)
            while true {
                let outcome = try attempt(plan, progress, stop)
                // The last part may have ended meanwhile, found that somebody assembles already, and left.
                if case .waiting(_, of: _?) = outcome {
                    if isWhole(plan) { continue }
                    // Or it has ended, and this machine sees what it left only in a moment.
                    if !isSettled {
                        isSettled = true
                        try pause(progress, stop)
                        if isWhole(plan) { continue }
                    }
                }
                guard waits, let text = outcome.reasonToWait else { return outcome }
                if remark.map({ $0.text != text || $0.at + Self.remarkInterval < .now }) ?? true {
                    merge.report("\(places.whole.output): \(text)")
                    remark = (text, .now)
                }
                try pause(progress, stop)
            }
        } catch {
            throw .failure(error)
        }
    }

    private func pause(_ progress: MergeProgress, _ stop: StopRequest) throws(MergeFailure) {
        let end = ContinuousClock.now + Self.lookInterval
        while .now < end {
            progress.beat()
            if stop.isRequested { throw MergeFailure.stopped }
            PartedMerge.sleep(.milliseconds(100))
        }
    }

    private func attempt(
        _ plan: MergePlan, _ progress: MergeProgress, _ stop: StopRequest
    ) throws(MergeFailure) -> Outcome {
        var attempts = 1
        while true {
            do throws(MergeFailure) {
                return try attemptAlone(plan, progress, stop)
            } catch {
                if error.kind == .stopped { throw error }
                let isPublished = places.isPublishedForSure(plan, configText: merge.text)
                // Its lock is given up before the last steps, which the journal's keeps for one alone.
                if error.kind == .underWay {
                    return isPublished ? .published : .underWay("another process")
                }
                // Others may have ended it and removed what was looked for; or the last steps are still to be made.
                guard isPublished, attempts < Self.endingLimit else { throw error }
                attempts += 1
                PartedMerge.sleep(.milliseconds(10))
            }
        }
    }

    private func attemptAlone(
        _ plan: MergePlan, _ progress: MergeProgress, _ stop: StopRequest
    ) throws(MergeFailure) -> Outcome {
        var lock: FileLock?
        do throws(IOError) {
            let folder = places.whole.parent
            try FileSystem.lookAnew(at: folder)
            // No part can be begun there: nothing is to be waited for.
            guard try FileSystem.status(folder) != nil else {
                throw IOError("open", folder, .noSuchFileOrDirectory)
            }
            if try places.whole.isInParts { lock = try FileLock.take(places.assemblyLock) }
        } catch {
            guard error.operation == "lock", error.errno == .resourceTemporarilyUnavailable else {
                throw .creation(error, output: places.whole.output)
            }
            let holder = FileLock.holder(of: places.assemblyLock)
            return .underWay(holder.map { "process \($0.process) on \($0.machine)" } ?? "another process")
        }
        if lock == nil { return try finished(plan) }
        // Given up before its folder is removed: where it is on NFS, a file that is open stays.
        let removeJournals = { () throws -> Void in
            lock = nil
            try places.removeJournals()
        }
        defer { withExtendedLifetime(lock) {} }
        if try places.isPublished(plan, configText: merge.text) {
            do {
                try removeJournals()
                // With the partial folder that a part which came late has made.
                try places.whole.discard()
            } catch {
                throw MergeFailure(error)
            }
            return .published
        }
        // A run that was ended before it gave the folder its name is made again: what is there now may be another's.
        return try assemble(plan, progress, stop, removeJournals)
    }

    /// Where there are no parts: whether they were assembled before.
    private func finished(_ plan: MergePlan) throws(MergeFailure) -> Outcome {
        guard try places.isPublished(plan, configText: merge.text) else { return .waiting([], of: nil) }
        // The last step of a run that was ended before it.
        _ = try MergeRun.finishPublished(output: places.whole.output, config: merge.text, mayName: false)
        return .published
    }

    // MARK: Looking

    /// What parts have left so far.
    private struct Findings {
        var agreement: PartAgreement
        /// As this process has it.
        var identity: MergeIdentity
        var division: PartDivision
        var built: [BuiltParts] = []
        /// Numbers of those that are not whole.
        var missing: [Int] = []
    }

    /// Looks which parts are whole; `nil` where none was begun.
    ///
    /// - Throws: what `PartedMerge.otherMerge` says where they were begun otherwise, among others.
    private func look(_ plan: MergePlan) throws(MergeFailure) -> Findings? {
        do throws(IOError) {
            for folder in [places.journals, places.whole.path] { try FileSystem.lookAnew(at: folder) }
        } catch {
            throw .creation(error, output: places.whole.output)
        }
        guard let agreement = try PartAgreement.read(of: places) else { return nil }
        // What parts do beside writing, those who assemble take as they find it.
        let own = PartAgreement(
            identity: MergeIdentity(plan, configText: merge.text), count: agreement.count,
            auditSeed: agreement.auditSeed, audits: agreement.audits, reports: agreement.reports)
        if let difference = own.difference(from: agreement) { throw merge.otherMerge(difference) }
        var findings = Findings(
            agreement: agreement, identity: own.identity,
            division: PartDivision(plan, count: agreement.count))
        for (index, share) in findings.division.shares.enumerated() {
            if let found = try built(index, share, plan, own) {
                findings.built.append(found)
            } else {
                findings.missing.append(index)
            }
        }
        return findings
    }

    /// What a part did; `nil` where it is not whole. One without a shard need not have been started.
    private func built(
        _ index: Int, _ share: PartDivision.Share, _ plan: MergePlan, _ own: PartAgreement
    ) throws(MergeFailure) -> BuiltParts? {
        if share.shards.isEmpty { return BuiltParts(seconds: 0, audit: nil) }
        do throws(IOError) {
            return try places.part(index, of: own.count).built(own.identity, plan.part(share))
        } catch {
            throw .creation(error, output: places.whole.output)
        }
    }

    /// Whether all parts are whole. What keeps that from being told is found out by those who assemble.
    private func isWhole(_ plan: MergePlan) -> Bool {
        ((try? look(plan)) ?? nil)?.missing.isEmpty ?? false
    }

    // MARK: Assembling

    private func assemble(
        _ plan: MergePlan, _ progress: MergeProgress, _ stop: StopRequest,
        _ removeJournals: @escaping () throws -> Void
    ) throws(MergeFailure) -> Outcome {
        guard let found = try look(plan) else { return .waiting([], of: nil) }
        looked()
        guard found.missing.isEmpty else { return .waiting(found.missing, of: found.agreement.count) }
        if merge.options.report, !found.agreement.reports {
            merge.report("\(places.whole.output): gets no report: its parts took no figures (--no-report)")
        }
        let parts = BuiltParts(found.built, of: found.division, seed: found.agreement.auditSeed)
        do throws(IOError) {
            try PartTranscript(
                plan: plan, identity: found.identity, division: found.division, places: places
            ).write(withStatistics: merge.options.report)
        } catch {
            throw .creation(error, output: places.whole.output)
        }
        let run = MergeRun(
            plan: plan, configText: merge.text, output: places.whole.output, options: merge.options,
            report: merge.report, library: merge.planner.library, parts: parts)
        do throws(MergeFailure) {
            return .assembled(
                try run.perform(progress: progress, stop: stop, beforeForgetting: removeJournals))
        } catch {
            places.forgetTranscript()
            throw error
        }
    }
}

extension PartAssembly.Outcome {
    /// What is waited for; `nil` where that is over.
    public var reasonToWait: String? {
        switch self {
        case .assembled, .published: nil
        case .underWay(let who): "it is assembled by \(who)"
        case .waiting(_, of: nil): "no part was begun yet"
        case .waiting(let parts, of: let count?):
            "\(parts.count == 1 ? "part" : "parts") \(Self.listed(parts)) of \(count) "
                + "\(parts.count == 1 ? "is" : "are") not done yet"
        }
    }

    private static func listed(_ parts: [Int]) -> String {
        let shown = parts.prefix(12).map(String.init).joined(separator: ", ")
        return parts.count > 12 ? "\(shown) and \(parts.count - 12) more" : shown
    }
}
