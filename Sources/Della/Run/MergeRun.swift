import StreamIO
import SystemPackage

/// One merge from plan to published folder: resumes where an earlier run stopped, and leaves everything
/// resumable when it stops itself.
///
/// `OUTPUT/.NAME.partial/` holds the output while it is made and `OUTPUT/.NAME.journal` says how much of it
/// is durable. Publication: the files and the partial folder are synced, the journal says complete, the folder
/// is renamed to `NAME` without replacing anything, OUTPUT is synced, the caller settles its own books, the
/// journal goes.
public struct MergeRun {
    private let plan: MergePlan
    private let configText: [UInt8]
    private let options: MergeOptions
    private let places: PartialFolder
    private let library: ModelLibrary
    private let report: @Sendable (String) -> Void
    /// What those did who wrote the shards between them; `nil` where this run does it all.
    private let parts: BuiltParts?

    /// - Parameters:
    ///   - configText: the config as given; part of the merge's identity.
    ///   - output: the folder that will be published. Its parent must exist.
    ///   - report: told what an operator should know: why a merge starts over, which engine is used.
    ///   - library: says what may be read.
    public init(
        plan: MergePlan, configText: [UInt8], output: FilePath, options: MergeOptions,
        report: @escaping @Sendable (String) -> Void = { _ in },
        library: ModelLibrary = ModelLibrary(folders: [], workingDirectory: nil, allowsAnyPath: true)
    ) {
        self.init(
            plan: plan, configText: configText, output: output, options: options, report: report,
            library: library, parts: nil)
    }

    /// - Parameter parts: those of a merge in parts, whose journal holds all that they wrote.
    init(
        plan: MergePlan, configText: [UInt8], output: FilePath, options: MergeOptions,
        report: @escaping @Sendable (String) -> Void, library: ModelLibrary, parts: BuiltParts?
    ) {
        self.plan = plan
        self.configText = configText
        self.options = options
        self.library = library
        self.report = report
        self.parts = parts
        places = PartialFolder(output: output)
    }

    /// Merges and publishes.
    /// - Parameter beforeForgetting: runs once the output is published and durable, before the journal goes.
    /// - Throws: `MergeFailure`. The partial output stays for a retry where any of it is durable.
    public func perform(
        progress: MergeProgress, stop: StopRequest, beforeForgetting: () throws -> Void = {}
    ) throws(MergeFailure) -> MergeSummary {
        let start = ContinuousClock.now
        progress.note(report: [])
        let merge = ShardMerge(
            plan: plan, options: options, places: places, library: library, report: report,
            progress: progress, stop: stop)
        let layout = try merge.layout()
        let opened = try parts == nil ? openJournal() : openAssembledJournal()
        var summary = MergeSummary(plan, resumptions: opened.content.point.resumptions)
        var contents: PartialFolder.Contents?
        if !opened.content.isComplete {
            do throws(MergeFailure) {
                contents = try build(merge, layout, opened, since: start, summary: &summary)
            } catch {
                // What others wrote is theirs.
                if parts == nil { try? merge.settle(after: error, discard: places.discard) }
                throw error
            }
        } else if let text = options.untracedText {
            report(text)
        }
        try publish(contents, opened.journal, beforeForgetting: beforeForgetting)
        summary.close(since: start, progress)
        return summary
    }

    // MARK: Beginning

    private struct Opened {
        let journal: MergeJournal
        let content: MergeJournal.Content
    }

    /// Finds what an earlier run left, or begins anew.
    private func openJournal() throws(MergeFailure) -> Opened {
        try places.refuseParts()
        do throws(IOError) {
            let identity = MergeIdentity(plan, configText: configText)
            // The longest of the names beside the output: one that cannot be is told before anything is made.
            _ = try FileSystem.status(places.statistics, followLinks: false)
            // Held until there is a new one.
            let earlier = try MergeJournal.open(places.journal)
            defer { withExtendedLifetime(earlier) {} }
            if let earlier {
                let content = try earlier.read()
                if content.isEmpty {
                    try places.discard()
                } else if let reason = try reasonToStartOver(content, identity) {
                    report("starting over: \(reason)")
                    try places.discard()
                } else {
                    try earlier.resume(after: content)
                    if content.point.isStart, !content.isComplete { try places.renew() }
                    return Opened(journal: earlier, content: content.resumed)
                }
            }
            if try FileSystem.status(places.output, followLinks: false) != nil {
                throw IOError("create", places.output, .fileExists)
            }
            // Before the folder is touched: it may be another process's that has just begun.
            let journal = try MergeJournal.create(places.journal, for: identity)
            // Parts look for the journal once they have their folder: of two that begin at once, one sees the other.
            guard try !places.isInParts else {
                try FileSystem.remove(places.journal)
                throw IOError("lock", places.output, .resourceTemporarilyUnavailable)
            }
            try places.renew()
            return Opened(journal: journal, content: MergeJournal.Content(identity: identity))
        } catch {
            throw .creation(error, output: places.output)
        }
    }

    /// Goes on from what parts wrote, or not at all: nobody's work is removed here.
    private func openAssembledJournal() throws(MergeFailure) -> Opened {
        var reason = "its journal is gone"
        do throws(IOError) {
            if let journal = try MergeJournal.open(places.journal) {
                let content = try journal.read()
                let found = try reasonToStartOver(
                    content, MergeIdentity(plan, configText: configText))
                if found == nil { return Opened(journal: journal, content: content) }
                reason = found ?? reason
            }
        } catch {
            throw .creation(error, output: places.output)
        }
        throw MergeFailure(
            .inputChanged,
            "\(places.output): its parts cannot be assembled: \(reason) (start the parts again, then assemble)"
        )
    }

    private func reasonToStartOver(
        _ content: MergeJournal.Content, _ identity: MergeIdentity
    ) throws(IOError) -> String? {
        guard let earlier = content.identity else { return "the journal is damaged" }
        if let difference = content.auditDifference {
            return "the audit found a difference: \(difference)"
        }
        let isDamaged =
            content.isComplete ? !content.point.isWhole(of: plan) : !content.point.fits(plan)
        // A merge that has its name is not begun again: the last steps are made, or the name is taken.
        let isNamed = content.isComplete ? try places.isNamed : false
        if let difference = identity.difference(from: earlier) {
            return isNamed ? "\(places.output) is complete, but \(difference)" : difference
        }
        if isDamaged { return "the journal is damaged" }
        if isNamed { return nil }
        if content.point.isStart, !content.isComplete { return nil }
        guard try FileSystem.status(places.path, followLinks: false) != nil else {
            return content.isComplete ? "the output is gone" : "the partial output is gone"
        }
        return try places.holds(content.point, of: plan) ? nil : "the partial output is incomplete"
    }

    // MARK: Building

    private func build(
        _ merge: ShardMerge, _ layout: MergeLayout, _ opened: Opened,
        since start: ContinuousClock.Instant, summary: inout MergeSummary
    ) throws(MergeFailure) -> PartialFolder.Contents {
        let written = try merge.write(layout, from: opened.content.point, journal: opened.journal)
        (summary.engine, summary.simd) = (written.engine, written.simd)
        summary.audit =
            if let parts { parts.audit.map(AuditReport.init) } else {
                try merge.audit(written, opened.journal, since: start, seed: AuditReport.freshSeed)
            }
        do {
            let report = try written.statistics.flatMap { log in
                try merge.reportFiles.make(from: log) { try merge.beat() }
            }
            summary.report = report?.summaryLines ?? []
            merge.progress.note(report: summary.report)
            let seconds = (parts?.seconds ?? 0) + start.duration(to: .now).seconds
            let folder = OutputFolder(
                plan: plan, folder: places.path, takesSHA256: options.sha256, library: library)
            try folder.complete(
                shards: written.checksums, constants: written.constants, audit: summary.audit,
                report: report, configText: configText, seconds: seconds,
                warnings: plan.warnings + merge.progress.warnings, next: { try merge.beat() })
            guard try places.holds(written.contents, of: plan) else {
                throw MergeFailure.replaced(places.path)
            }
            for name in try folder.removeIntruders() {
                self.report(
                    "\(places.path.appending(name)): was not written by the merge, and is removed, as loaders would read "
                        + "it (put nothing there)")
            }
            return written.contents
        } catch {
            throw MergeFailure(error)
        }
    }

    // MARK: Publishing

    /// - Parameter contents: what this run has written; `nil` where an earlier one did.
    private func publish(
        _ contents: PartialFolder.Contents?, _ journal: MergeJournal,
        beforeForgetting: () throws -> Void
    ) throws(MergeFailure) {
        var isReplaced = false
        do throws(IOError) {
            try journal.append(.complete)
            try places.publish()
            if let contents, try !places.isFolder(contents, at: places.output) {
                // Put in its place at the last moment: it goes, and the merge begins anew.
                try FileSystem.rename(places.output, to: places.path, replacing: false)
                try places.discard()
                isReplaced = true
            }
        } catch {
            throw .publication(error, output: places.output)
        }
        if isReplaced { throw .replaced(places.path) }
        try places.forget(after: beforeForgetting)
    }
}

extension MergeJournal.Content {
    /// As it will be once the run under way is booked.
    fileprivate var resumed: Self {
        var next = self
        next.point.resumptions += 1
        return next
    }
}
