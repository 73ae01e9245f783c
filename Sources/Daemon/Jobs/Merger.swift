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
        // A run that was planned in vain, too.
        defer { run.planning.end() }
        let planner = MergePlanner(
            library: library, shardSize: shardSize, threads: options.threads, memory: options.memory)
        let merge = RecipeRun(
            planner, text: run.config, fileName: "\(run.name).yml", output: run.spool.model(run.name),
            options: options,
            report: { text in
                report(run.name, text)
                run.warn([text])
            })
        var retries = 0
        do throws(RecipeError) {
            let summary = try merge.perform(
                progress: run.progress, stop: run.stop,
                planned: { plan in
                    run.planning.end()
                    run.warn(plan.warnings)
                    run.uses(plan.modelFolders)
                    retries = plan.retries
                },
                beforeForgetting: { try run.moveConfig() })
            return .done(
                JobReport(
                    outputBytes: summary.outputBytes, seconds: summary.seconds,
                    resumed: summary.resumptions > 0, lines: summary.report))
        } catch {
            switch error {
            case .problems(let problems):
                let failure = JobFailure(message: problems.description, exitCode: problems.exitCode)
                if fetches, let models = problems.absentModels { return .missing(models, failure) }
                return .failed(failure)
            case .failure(let failure):
                guard failure.kind != .stopped else { return .stopped }
                return .failed(
                    JobFailure(
                        message: Self.message(failure), exitCode: failure.exitCode,
                        isRetryable: failure.isRetryable, retries: retries))
            }
        }
    }

    /// A job has the name of its config.
    private static func message(_ failure: MergeFailure) -> String {
        guard failure.kind == .outputExists else { return failure.message }
        return failure.message.replacing(
            MergeFailure.existingRemedy, with: "move it away, or rename the config")
    }

    func finishPublished(
        _ output: FilePath, config: [UInt8]?, mayName: Bool, moveConfig: () throws -> Void
    ) throws(JobFailure) -> Bool {
        do throws(MergeFailure) {
            return try RecipeRun.finishPublished(
                output: output, config: config, mayName: mayName, beforeForgetting: moveConfig)
        } catch {
            throw JobFailure(message: error.message, isRetryable: error.isRetryable)
        }
    }

    func isComplete(_ output: FilePath) throws(JobFailure) -> Bool {
        do throws(MergeFailure) {
            return try RecipeRun.isComplete(output: output)
        } catch {
            throw JobFailure(message: error.message, isRetryable: error.isRetryable)
        }
    }

    func discard(_ output: FilePath) throws(JobFailure) {
        do throws(MergeFailure) {
            try RecipeRun.discard(output: output)
        } catch {
            throw JobFailure(message: error.message, isRetryable: error.isRetryable)
        }
    }
}
