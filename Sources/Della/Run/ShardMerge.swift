import StreamIO
import SystemPackage

/// Writes the shards of a plan, or what an earlier run left of them, and audits them: what one merge by itself and each
/// of those that share a plan do alike.
struct ShardMerge {
    /// Transfers that may be under way at once.
    private static let queueDepth = 64

    let plan: MergePlan
    let options: MergeOptions
    let places: PartialFolder
    /// Says what may be read.
    let library: ModelLibrary
    /// Told what an operator should know.
    let report: @Sendable (String) -> Void
    let progress: MergeProgress
    let stop: StopRequest

    /// What the pipeline found while it wrote the shards.
    struct Written {
        let checksums: [ChunkChecksums]
        let constants: FoundConstants
        let contents: PartialFolder.Contents
        let statistics: StatisticsLog?
        /// The names of the I/O engine and of the vector instructions.
        let engine: String
        let simd: String
    }

    var reportFiles: ReportFiles { ReportFiles(plan: plan, places: places, remark: report) }

    /// The budget, divided.
    func layout() throws(MergeFailure) -> MergeLayout {
        // The config may lower what the host grants.
        let budget = min(options.memory, plan.memoryLimit ?? .max)
        return try MergeLayout(plan, memory: budget, threads: options.threads)
    }

    /// Writes the shards. Its buffers are gone when it returns.
    ///
    /// - Parameters:
    ///   - start: what is on the disk.
    ///   - journal: told what becomes durable.
    func write(
        _ layout: MergeLayout, from start: ResumePoint, journal: MergeJournal
    ) throws(MergeFailure) -> Written {
        var point = start
        progress.warn(point.findings.warnings(modelNames: plan.modelNames))
        let trace = options.trace.map { _ in MergeTrace() }
        do {
            let contents = try places.reserve(plan, from: point)
            let arena = try Arena(byteCount: layout.arenaBytes)
            let engine = try makeEngine(
                options.engine, queueDepth: Self.queueDepth, arena: arena, report: report)
            let kernels = try selectKernels()
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
                journal: { (record) throws(IOError) in try journal.append(record) })
            let pipeline = try MergePipeline(
                plan, layout: layout, arena: arena.baseAddress, engine: engine, kernels: kernels,
                resume: point, progress: progress, stop: stop, environment: environment, trace: trace)
            let checksums = try pipeline.run()
            // Before anything else is written by name.
            guard try places.holds(contents, of: plan) else { throw MergeFailure.replaced(places.path) }
            if let trace, let path = options.trace { trace.save(to: path, report: report) }
            return Written(
                checksums: checksums, constants: pipeline.constants, contents: contents, statistics: log,
                engine: engine.name, simd: kernels.level.rawValue)
        } catch {
            throw MergeFailure(error)
        }
    }

    /// Computes a sample of what was written anew, and compares; `nil` where that is not wanted.
    ///
    /// What differs is kept as it is, and the journal says so: the next run begins anew.
    ///
    /// - Parameters:
    ///   - start: when the merge began, of whose time the audit takes a share.
    ///   - seed: selects the rows.
    func audit(
        _ written: Written, _ journal: MergeJournal, since start: ContinuousClock.Instant, seed: UInt64
    ) throws(MergeFailure) -> AuditReport? {
        let extent: OutputAudit.Extent
        switch options.audit {
        case .off: return nil
        case .auto: extent = .seconds(start.duration(to: .now).seconds * AuditPolicy.timeShare)
        case .share(let share): extent = .share(share)
        }
        let audit = OutputAudit(
            plan, readable: library.readable, folder: places.path, fileNames: plan.shards.map(\.fileName),
            seed: seed, progress: progress, stop: stop
        ) { place, _ in written.constants[place] }
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

    /// After a failure: keeps what a retry can use, gives back the space of the rest.
    ///
    /// - Parameter discard: removes what was written, and the journal with it.
    func settle(after failure: MergeFailure, discard: () throws(IOError) -> Void) throws(IOError) {
        guard failure.kind != .stopped, failure.kind != .auditFailed else { return }
        let point = try MergeJournal.read(places.journal)?.point ?? ResumePoint()
        if failure.kind == .inputChanged || point.isStart {
            try discard()
        } else {
            places.releaseReservation(plan, from: point)
        }
    }

    /// Tells that there is progress, and ends the merge where that was asked for.
    func beat() throws(MergeFailure) {
        progress.beat()
        if stop.isRequested { throw MergeFailure.stopped }
    }

    private func selectKernels() throws(MergeFailure) -> RowKernels {
        do {
            return try RowKernels.select(level: options.level)
        } catch {
            throw MergeFailure(.unsupportedSIMD, "\(error)")
        }
    }
}

extension AuditReport {
    /// Selects other rows each time.
    public static var freshSeed: UInt64 { UInt64(UInt32.random(in: 0 ... .max)) }

    /// What parts looked at, between them.
    init(_ audit: BuiltParts.Audit) {
        self.init(seed: audit.seed, share: audit.share)
        (tensors, rows, bytes) = (audit.tensors, audit.rows, audit.bytes)
        (tensorsWithoutReference, seconds) = (audit.tensorsWithoutReference, audit.seconds)
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
