import StreamIO

/// Collects problems and warnings while a config is read and planned.
///
/// Keeps at most `limit` problems, and as many warnings or `byteLimit` of them: a file of nonsense must not grow a
/// report without end.
struct ProblemList {
    static let limit = 200
    /// Bytes of all warnings, at most; the status of a job has them.
    static let byteLimit = 64 << 10

    private(set) var problems: [Problem] = []
    private(set) var warnings: [String] = []
    private(set) var left = 0
    private var warningBytes = 0

    mutating func add(_ line: Int?, _ message: String, _ remedy: String = "", kind: Problem.Kind = .data) {
        add(Problem(line: line, message, remedy: remedy, kind: kind))
    }

    mutating func add(_ problem: Problem) {
        if problems.count < Self.limit { problems.append(problem) } else { left += 1 }
    }

    mutating func warn(_ line: Int?, _ message: String) {
        guard warnings.count < Self.limit else { return }
        let message = message.printable(atMost: Problem.textLimit)
        let text = line.map { "line \($0): \(message)" } ?? message
        guard warningBytes + text.utf8.count <= Self.byteLimit, !warnings.contains(text) else { return }
        warnings.append(text)
        warningBytes += text.utf8.count
    }

    /// What is thrown; `nil` while nothing is wrong.
    func report(fileName: String, suggestion: String? = nil) -> MergeProblems? {
        guard !problems.isEmpty else { return nil }
        return MergeProblems(fileName: fileName, problems: problems, suggestion: suggestion, left: left)
    }
}
