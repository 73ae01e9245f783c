import StreamIO

/// All that is wrong with a merge, found before a weight is read.
public struct MergeProblems: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes of a report, at most, the suggestion aside. What does not fit is counted.
    static let byteLimit = 64 << 10

    /// The config's name as messages show it.
    public var fileName: String
    /// In the order of the file; at least one.
    public var problems: [Problem]
    /// A whole config that would do, ready to paste; for configs whose indentation was lost.
    public var suggestion: String?

    /// Sorts `problems` by line, those of the whole file first, and drops repetitions.
    public init(fileName: String, problems: [Problem], suggestion: String? = nil) {
        self.init(fileName: fileName, problems: problems, suggestion: suggestion, left: 0)
    }

    /// A report of `problems` and of `left` more that nobody kept.
    init(fileName: String, problems: [Problem], suggestion: String?, left: Int) {
        self.fileName = fileName.printable
        self.suggestion = suggestion
        var seen = Set<Problem>()
        let sorted =
            problems.enumerated()
            .filter { seen.insert($0.element).inserted }
            .sorted { ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset) }
            .map(\.element)
        self.problems = []
        var room = Self.byteLimit
        for problem in sorted {
            room -= problem.description(in: self.fileName).utf8.count + 1
            if room < 0 { break }
            self.problems.append(problem)
        }
        let more = sorted.count - self.problems.count + left
        if more > 0 {
            let words = more == 1 ? "1 more problem" : "\(more) more problems"
            self.problems.append(Problem(line: nil, words, remedy: "mend those above first"))
        }
    }

    /// The code of sysexits.h: 66 where inputs are missing and nothing else is wrong, else 65.
    public var exitCode: Int32 { problems.allSatisfy { $0.kind == .missingInput } ? 66 : 65 }

    /// The models that would mend it all if they were there, in the order of the file; `nil` where something else is
    /// wrong, or no hub has what is missing.
    public var absentModels: [HubModel]? {
        var models: [HubModel] = []
        for problem in problems {
            guard let model = problem.model else { return nil }
            if !models.contains(model) { models.append(model) }
        }
        return models
    }

    /// One line a problem, and the suggestion below.
    public var description: String {
        var text = problems.map { $0.description(in: fileName) }.joined(separator: "\n")
        if let suggestion { text += "\n\n" + suggestion }
        return text
    }
}
