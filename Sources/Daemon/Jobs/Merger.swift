import Della
import StreamIO
import SystemPackage

/// Plans and merges jobs, with what the operator granted.
struct Merger: Merging {
    let library: ModelLibrary
    let options: MergeOptions
    /// Bytes of one output file, where a config does not say.
    var shardSize = MergePlanner.usualShardSize
    /// Whether models that are missing are asked for.
    var fetches = false
    /// Told what an operator should know, with the job's name.
    let report: @Sendable (JobName, String) -> Void

    func merge(_ run: JobRun) -> JobOutcome {
        let plan: MergePlan
        do {
            defer { run.planning.end() }
            let planner = MergePlanner(
                library: library, shardSize: shardSize, threads: options.threads, memory: options.memory)
            let planned = try planner.plan(
                run.config, fileName: "\(run.name).yml", outputName: run.name.text,
                progress: run.progress, stop: run.stop)
            guard let planned else { return .stopped }
            plan = planned
        } catch {
            let failure = JobFailure(message: error.description, exitCode: error.exitCode)
            if fetches, let models = error.absentModels { return .missing(models, failure) }
            return .failed(failure)
        }
        run.warn(plan.warnings)
        run.uses(Set(plan.modelFolders))
        let merge = MergeRun(
            plan: plan, configText: run.config, output: run.spool.model(run.name), options: options,
            report: { text in
                report(run.name, text)
                run.warn([text])
            }, library: library)
        do throws(MergeFailure) {
            let summary = try merge.perform(
                progress: run.progress, stop: run.stop, beforeForgetting: { try run.moveConfig() })
            return .done(
                JobReport(
                    outputBytes: summary.outputBytes, seconds: summary.seconds,
                    resumed: summary.resumptions > 0, lines: summary.report))
        } catch {
            guard error.kind != .stopped else { return .stopped }
            return .failed(
                JobFailure(
                    message: error.message, exitCode: error.exitCode, isRetryable: error.isRetryable,
                    retries: plan.retries))
        }
    }

    func finishPublished(
        _ output: FilePath, config: [UInt8]?, mayName: Bool, moveConfig: () throws -> Void
    ) throws(JobFailure) -> Bool {
        do throws(MergeFailure) {
            return try MergeRun.finishPublished(
                output: output, config: config, mayName: mayName, beforeForgetting: moveConfig)
        } catch {
            throw JobFailure(message: error.message, isRetryable: error.isRetryable)
        }
    }

    func isComplete(_ output: FilePath) throws(JobFailure) -> Bool {
        do throws(MergeFailure) {
            return try MergeRun.isComplete(output: output)
        } catch {
            throw JobFailure(message: error.message, isRetryable: error.isRetryable)
        }
    }

    func discard(_ output: FilePath) throws(JobFailure) {
        do throws(MergeFailure) {
            try MergeRun.discard(output: output)
        } catch {
            throw JobFailure(message: error.message, isRetryable: error.isRetryable)
        }
    }
}
