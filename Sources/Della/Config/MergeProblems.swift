import StreamIO

/// All that is wrong with a merge, found before a weight is read.
public struct MergeProblems: Error, Hashable, Sendable, CustomStringConvertible {
    /// The config's name as messages show it.
    public var fileName: String
    /// In the order of the file; at least one.
    public var problems: [Problem]
    /// A whole config that would do, ready to paste; for configs whose indentation was lost.
    public var suggestion: String?

    /// Sorts `problems` by line, those of the whole file first, and drops repetitions.
    public init(fileName: String, problems: [Problem], suggestion: String? = nil) {
        self.fileName = fileName.printable()
        self.suggestion = suggestion
        var seen = Set<Problem>()
        self.problems =
            problems.enumerated()
            .filter { seen.insert($0.element).inserted }
            .sorted { ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset) }
            .map(\.element)
    }

    /// The code of sysexits.h: 66 where inputs are missing and nothing else is wrong, else 65.
    public var exitCode: Int32 { problems.allSatisfy { $0.kind == .missingInput } ? 66 : 65 }

    /// One line a problem, and the suggestion below.
    public var description: String {
        var text = problems.map { $0.description(in: fileName) }.joined(separator: "\n")
        if let suggestion { text += "\n\n" + suggestion }
        return text
    }
}
