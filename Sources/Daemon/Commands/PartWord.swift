import ArgumentParser
import Della

/// Which part of a merge is built, as the command line says it: `3/8`, or `auto` for what a cluster's engine says in the
/// environment.
enum PartWord: Hashable {
    case part(MergePart)
    case auto

    init(_ word: String) throws {
        guard word != "auto" else {
            self = .auto
            return
        }
        guard let part = MergePart(word) else {
            throw ValidationError(
                "'\(word)' is no part (write I/N, I from 0 to N-1 and N at most \(MergePart.countLimit), or auto)"
            )
        }
        self = .part(part)
    }

    /// Says how many parts there are, where the engine does not.
    static let countVariable = "DELLAD_PARTS"

    /// The part.
    ///
    /// - Parameter environment: of Slurm's array tasks, or of the pods of an Indexed Job of Kubernetes.
    func part(in environment: [String: String]) throws(CommandFailure) -> MergePart {
        if case .part(let part) = self { return part }
        func number(_ name: String) throws(CommandFailure) -> Int? {
            guard let text = environment[name], !text.isEmpty else { return nil }
            guard let number = Int(text), number >= 0 else {
                throw CommandFailure("--part auto: \(name) is '\(text)' (it must be a number)", .usage)
            }
            return number
        }
        let parts = try number(Self.countVariable)
        if let index = try number("JOB_COMPLETION_INDEX") {
            guard let parts else {
                throw CommandFailure(
                    "--part auto: DELLAD_PARTS is not set (set it to the Job's completions)", .usage)
            }
            return try Self.part(index, of: parts, "JOB_COMPLETION_INDEX", "the Job's completions")
        }
        guard let index = try number("SLURM_ARRAY_TASK_ID") else {
            throw CommandFailure(
                "--part auto: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set (run it in an array of "
                    + "Slurm's or an Indexed Job, or write --part I/N)", .usage)
        }
        if let parts {
            return try Self.part(index, of: parts, "SLURM_ARRAY_TASK_ID", "the parts of the merge")
        }
        guard let count = try number("SLURM_ARRAY_TASK_COUNT"), try number("SLURM_ARRAY_TASK_MIN") ?? 0 == 0,
            try number("SLURM_ARRAY_TASK_MAX") ?? count - 1 == count - 1
        else {
            throw CommandFailure(
                "--part auto: the array is not 0 to N-1, so that it does not tell how many parts there are (submit "
                    + "--array=0-7, or set DELLAD_PARTS=8 where only some of them are run again)", .usage)
        }
        return try Self.part(index, of: count, "SLURM_ARRAY_TASK_ID", "0 to N-1")
    }

    private static func part(
        _ index: Int, of count: Int, _ name: String, _ remedy: String
    ) throws(CommandFailure) -> MergePart {
        guard let part = MergePart(index: index, count: count) else {
            throw CommandFailure(
                "--part auto: there is no part \(index) of \(count), counted from 0, at most "
                    + "\(MergePart.countLimit) (\(name) and DELLAD_PARTS must be \(remedy))", .usage)
        }
        return part
    }
}
