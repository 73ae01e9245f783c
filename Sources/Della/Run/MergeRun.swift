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
    /// Transfers that may be under way at once.
    private static let queueDepth = 64

    private let plan: MergePlan
    private let configText: [UInt8]
    private let options: MergeOptions
    private let places: PartialFolder
    private let library: ModelLibrary
    private let report: @Sendable (String) -> Void

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
        self.plan = plan
        self.configText = configText
        self.options = options
        self.library = library
        self.report = report
        places = PartialFolder(output: output)
    }

    /// Merges and publishes.
    /// - Parameter beforeForgetting: runs once the output is published and durable, before the journal goes.
    /// - Throws: `MergeFailure`. The partial output stays for a retry where any of it is durable.
    public func perform(
        progress: MergeProgress, stop: StopRequest, beforeForgetting: () throws -> Void = {}
    ) throws(MergeFailure) -> MergeSummary {
        let start = ContinuousClock.now
        let layout = try MergeLayout(plan, memory: budget, threads: options.threads)
        let opened = try openJournal()
        var summary = MergeSummary(
            bytesRead: 0, bytesWritten: 0, outputBytes: plan.shards.reduce(0) { $0 + $1.byteCount },
            seconds: 0, resumptions: opened.content.point.resumptions, engine: "none", simd: "none",
            warnings: plan.warnings)
        var contents: PartialFolder.Contents?
        if !opened.content.isComplete {
            do throws(MergeFailure) {
                contents = try build(
                    layout, opened, progress: progress, stop: stop, since: start, summary: &summary)
            } catch {
                try? settle(after: error)
                throw error
            }
        }
        try publish(contents, opened.journal, beforeForgetting: beforeForgetting)
        let figures = progress.snapshot
        summary.bytesRead = figures.bytesRead
        summary.bytesWritten = figures.bytesWritten
        summary.warnings += progress.warnings
        summary.seconds = start.duration(to: .now).seconds
        return summary
    }

    /// The budget: the config may lower what the host grants.
    private var budget: UInt64 { min(options.memory, plan.memoryLimit ?? .max) }

    // MARK: Beginning

    private struct Opened {
        let journal: MergeJournal
        let content: MergeJournal.Content
    }

    /// Finds what an earlier run left, or begins anew.
    private func openJournal() throws(MergeFailure) -> Opened {
        do throws(IOError) {
            let identity = MergeIdentity(plan, configText: configText)
            // Held until there is a new one.
            let earlier = try MergeJournal.open(places.journal)
            defer { withExtendedLifetime(earlier) {} }
            if let earlier {
                let content = try earlier.read()
                if let reason = try reasonToStartOver(content, identity) {
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
            try places.renew()
            return Opened(journal: journal, content: MergeJournal.Content(identity: identity))
        } catch {
            throw .creation(error, output: places.output)
        }
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
        if content.isComplete { return nil }
        return try places.holds(content.point, of: plan) ? nil : "the partial output is incomplete"
    }

    // MARK: Building

    private func build(
        _ layout: MergeLayout, _ opened: Opened, progress: MergeProgress, stop: StopRequest,
        since start: ContinuousClock.Instant, summary: inout MergeSummary
    ) throws(MergeFailure) -> PartialFolder.Contents {
        let merged = try merge(layout, opened, progress: progress, stop: stop, summary: &summary)
        summary.audit = try audit(merged, opened.journal, since: start, progress: progress, stop: stop)
        do {
            let report = try merged.statistics.flatMap { log in
                try reportFiles.make(from: log) { try beat(progress, stop) }
            }
            summary.report = report?.summaryLines ?? []
            try OutputFolder(
                plan: plan, folder: places.path, takesSHA256: options.sha256, library: library
            ).complete(
                shards: merged.checksums, constants: merged.constants, audit: summary.audit, report: report,
                configText: configText, seconds: start.duration(to: .now).seconds,
                warnings: plan.warnings + progress.warnings,
                next: { try beat(progress, stop) })
            guard try places.holds(merged.contents, of: plan) else {
                throw MergeFailure.replaced(places.path)
            }
            return merged.contents
        } catch {
            throw MergeFailure(error)
        }
    }

    private func beat(_ progress: MergeProgress, _ stop: StopRequest) throws(MergeFailure) {
        progress.beat()
        if stop.isRequested { throw MergeFailure(.stopped, "stopped (start it again to go on)") }
    }

    private var reportFiles: ReportFiles { ReportFiles(plan: plan, places: places, remark: report) }

    /// What the pipeline found while it wrote the shards.
    private struct Merged {
        let checksums: [ChunkChecksums]
        let constants: FoundConstants
        let contents: PartialFolder.Contents
        let statistics: StatisticsLog?
    }

    /// Writes the shards. Its buffers are gone when it returns.
    private func merge(
        _ layout: MergeLayout, _ opened: Opened, progress: MergeProgress, stop: StopRequest,
        summary: inout MergeSummary
    ) throws(MergeFailure) -> Merged {
        var point = opened.content.point
        progress.warn(point.findings.warnings(modelNames: plan.modelNames))
        let trace = options.trace.map { _ in MergeTrace() }
        do {
            let contents = try places.reserve(plan, from: point)
            let arena = try Arena(byteCount: layout.arenaBytes)
            let engine = try makeEngine(
                options.engine, queueDepth: Self.queueDepth, arena: arena, report: report)
            let kernels = try selectKernels()
            (summary.engine, summary.simd) = (engine.name, kernels.level.rawValue)
            if options.sha256 {
                try WrittenHashes(
                    plan: plan, folder: places.path, arena: arena.slice(offset: 0, count: arena.byteCount),
                    engine: engine, progress: progress, stop: stop
                ).complete(&point, report: report)
            }
            let log = options.report ? try reportFiles.openLog(at: point) : nil
            let environment = PipelineEnvironment(
                folder: places.path, readable: library.readable, takesSHA256: options.sha256,
                isMemoryQuick: options.isMemoryQuick,
                statistics: log.map(\.appending),
                journal: { (record) throws(IOError) in try opened.journal.append(record) })
            let pipeline = try MergePipeline(
                plan, layout: layout, arena: arena.baseAddress, engine: engine, kernels: kernels,
                resume: point, progress: progress, stop: stop, environment: environment, trace: trace)
            let checksums = try pipeline.run()
            // Before anything else is written by name.
            guard try places.holds(contents, of: plan) else { throw MergeFailure.replaced(places.path) }
            if let trace, let path = options.trace { trace.save(to: path, report: report) }
            return Merged(
                checksums: checksums, constants: pipeline.constants, contents: contents, statistics: log)
        } catch {
            throw MergeFailure(error)
        }
    }

    /// Computes a sample of what was written anew, and compares; `nil` where that is not wanted.
    ///
    /// What differs is kept as it is, and the journal says so: the next run begins anew.
    private func audit(
        _ merged: Merged, _ journal: MergeJournal, since start: ContinuousClock.Instant,
        progress: MergeProgress, stop: StopRequest
    ) throws(MergeFailure) -> AuditReport? {
        let extent: OutputAudit.Extent
        switch options.audit {
        case .off: return nil
        case .auto: extent = .seconds(start.duration(to: .now).seconds * AuditPolicy.timeShare)
        case .share(let share): extent = .share(share)
        }
        let audit = OutputAudit(
            plan, readable: library.readable, folder: places.path, fileNames: plan.shards.map(\.fileName),
            seed: UInt64(UInt32.random(in: 0 ... .max)), progress: progress, stop: stop
        ) { place, _ in merged.constants[place] }
        var difference: String?
        do throws(MergeFailure) {
            let report = try audit.perform(extent)
            guard let found = report.difference else {
                if let remark = report.remark { self.report(remark) }
                return report
            }
            difference = "\(found)"
        } catch {
            // The file was written as one a moment ago.
            guard error.kind == .recordUnusable else { throw error }
            difference = error.message
        }
        do throws(IOError) {
            try journal.append(.auditFailed(difference ?? ""))
        } catch {
            throw .io(error)
        }
        throw .auditFailed(difference ?? "", kept: places.path)
    }

    private func selectKernels() throws(MergeFailure) -> RowKernels {
        do {
            return try RowKernels.select(level: options.level)
        } catch {
            throw MergeFailure(.unsupportedSIMD, "\(error)")
        }
    }

    /// After a failure: keeps what a retry can use, gives back the space of the rest.
    private func settle(after failure: MergeFailure) throws(IOError) {
        guard failure.kind != .stopped, failure.kind != .auditFailed else { return }
        let content = try MergeJournal.read(places.journal)
        let point = content?.point ?? ResumePoint()
        if failure.kind == .inputChanged || point.isStart {
            try places.discard()
        } else {
            places.releaseReservation(plan, from: point)
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

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
