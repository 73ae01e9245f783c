import Della
import StreamIO
import Synchronization
import SystemPackage

/// Building a part of a merge, and assembling parts, while somebody waits.
struct PartedWork {
    let merge: PartedMerge
    let output: FilePath
    /// Assembly computes nothing: a trace is the part's.
    private let assembled: PartedMerge
    private let untracedText: String?

    init(
        _ config: ConfigFile, to output: FilePath, _ planner: MergePlanner, _ options: MergeOptions
    ) {
        self.output = output
        untracedText = options.untracedText
        let parted = { (options: MergeOptions) in
            PartedMerge(
                planner, text: config.text, fileName: config.path.string, output: output, options: options,
                report: Self.warn)
        }
        merge = parted(options)
        var untraced = options
        untraced.trace = nil
        assembled = parted(untraced)
    }

    /// Builds a part, and says what it took.
    func build(_ part: MergePart) throws {
        let run = PartRun(merge, part)
        let told = Told()
        let session = ForegroundWork<PartRun.Outcome> { (progress, stop) throws(CommandFailure) in
            do throws(RecipeError) {
                return try run.perform(progress: progress, stop: stop, planned: told.tell)
            } catch {
                throw Self.failure(error)
            }
        }
        let outcome = try session.perform()
        switch outcome {
        case .built(let summary):
            told.tell(summary.warnings)
            say("part \(part) of \(output): \(Self.text(summary))")
        case .builtBefore: say("part \(part) of \(output): was done before")
        case .published: say("part \(part) of \(output): the merge is done")
        }
        if case .built = outcome { return }
        if let untracedText { Self.warn(untracedText) }
    }

    /// Assembles the parts, if they are whole.
    ///
    /// - Parameters:
    ///   - waits: whether they are waited for.
    ///   - isLast: whether it is for whichever part ends last, so that others are no failure.
    func assemble(waits: Bool, isLast: Bool = false) throws {
        let assembly = PartAssembly(assembled)
        let told = Told()
        let session = ForegroundWork<PartAssembly.Outcome> { (progress, stop) throws(CommandFailure) in
            do throws(RecipeError) {
                return try assembly.perform(
                    waits: waits, progress: progress, stop: stop, planned: isLast ? { _ in } : told.tell)
            } catch {
                throw Self.failure(error)
            }
        }
        let outcome = try session.perform()
        if case .assembled(let summary) = outcome {
            if !isLast { told.tell(summary.warnings) }
            say(
                "\(output): assembled, \(Figure.bytes(summary.outputBytes)) in \(Figure.duration(summary.seconds))"
                    + Self.audited(summary))
            for line in summary.report { say(line.printable) }
        } else if let reason = outcome.reasonToWait {
            guard isLast else {
                let isUnderWay = if case .underWay = outcome { true } else { false }
                let start = isUnderWay ? "" : "start what is missing with merge --part, or "
                throw CommandFailure("\(output): \(reason) (\(start)wait with --wait)", .locked)
            }
            say("\(output): not assembled here: \(reason)")
        } else {
            say("\(output): is assembled already")
        }
    }

    private static func text(_ summary: MergeSummary) -> String {
        let seconds = summary.seconds
        let rate = seconds > 0 ? Double(summary.bytesRead + summary.bytesWritten) / seconds : 0
        let resumed = summary.resumptions > 0 ? ", resumed" : ""
        return "\(Figure.bytes(summary.outputBytes)) in \(Figure.duration(seconds)), \(Figure.rate(rate)), "
            + "peak memory \(Figure.bytes(Host().peakResidentBytes)), \(summary.engine), \(summary.simd)"
            + audited(summary) + resumed
    }

    private static func audited(_ summary: MergeSummary) -> String {
        summary.audit.map { ", \(Figure.count($0.rows, "row")) audited" } ?? ""
    }

    private static func failure(_ error: RecipeError) -> CommandFailure {
        guard case .failure(let failure) = error, failure.kind == .stopped else {
            return CommandFailure(error)
        }
        return CommandFailure(
            "interrupted (give the same command again to go on)", exitCode: failure.exitCode)
    }

    private func say(_ text: String) { StandardStream.printOutcome(text + "\n") }

    @Sendable private static func warn(_ text: String) {
        StandardStream.error.write("dellad: \(text.printable)\n")
    }
}

/// Warnings, each told once.
private final class Told: Sendable {
    private let texts = Mutex<Set<String>>([])

    @Sendable func tell(_ warnings: [String]) {
        for warning in warnings where texts.withLock({ $0.insert(warning).inserted }) {
            StandardStream.error.write("dellad: \(warning.printable)\n")
        }
    }
}
