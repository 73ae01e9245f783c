import StreamIO

/// Collects problems and warnings while a config is read and planned.
///
/// Keeps at most `limit` problems: a file of nonsense must not grow a report without end.
struct ProblemList {
    static let limit = 200

    private(set) var problems: [Problem] = []
    private(set) var warnings: [String] = []
    private(set) var left = 0

    mutating func add(_ line: Int?, _ message: String, _ remedy: String = "", kind: Problem.Kind = .data) {
        add(Problem(line: line, message, remedy: remedy, kind: kind))
    }

    mutating func add(_ problem: Problem) {
        if problems.count < Self.limit { problems.append(problem) } else { left += 1 }
    }

    mutating func warn(_ line: Int?, _ message: String) {
        guard warnings.count < Self.limit else { return }
        let message = message.printable()
        let text = line.map { "line \($0): \(message)" } ?? message
        if !warnings.contains(text) { warnings.append(text) }
    }

    /// What is thrown; `nil` while nothing is wrong.
    func report(fileName: String, suggestion: String? = nil) -> MergeProblems? {
        guard !problems.isEmpty else { return nil }
        var all = problems
        if left > 0 {
            all.append(
                Problem(line: Int.max, "\(left) more problems", remedy: "mend those above first"))
        }
        var report = MergeProblems(fileName: fileName, problems: all, suggestion: suggestion)
        for index in report.problems.indices where report.problems[index].line == Int.max {
            report.problems[index].line = nil
        }
        return report
    }
}
