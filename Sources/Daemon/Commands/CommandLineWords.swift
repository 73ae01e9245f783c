import Della

/// The words of a command line, which may name several folders after one `--models`.
///
/// The option takes one folder and may be repeated. `--models A B` is understood too: words after the first are
/// folders as well, except as many of the last as CONFIG and OUT take. A share may be written `0.1 %`, in two words, and
/// `--audit` alone means what it does anyway.
struct CommandLineWords {
    private static let option = "--models"
    /// CONFIG and OUT.
    private static let argumentLimit = 2

    private static let shareOptions = ["--share", "--audit"]

    let words: [String]

    init(words: [String]) { self.words = Self.sharesJoined(words) }

    /// Makes one word of a share that was written as two, and gives an `--audit` without a value the usual one.
    private static func sharesJoined(_ words: [String]) -> [String] {
        var result: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            result.append(word)
            if word == "--" { return result + rest }
            guard shareOptions.contains(word) else { continue }
            if word == "--audit", rest.first.map(isNoValue) ?? true {
                result.append("auto")
                continue
            }
            guard let value = rest.popFirst() else { continue }
            let isPercentage = rest.first == "%"
            if isPercentage { rest = rest.dropFirst() }
            result.append(isPercentage ? value + "%" : value)
        }
        return result
    }

    /// Whether a word after `--audit` is not meant for it: another option, or a config.
    private static func isNoValue(_ word: String) -> Bool {
        word.hasPrefix("-") || word.hasSuffix(".yml") || word.hasSuffix(".yaml")
    }

    /// What `parse` makes of the words as they stand, or else of the first reading that it accepts.
    ///
    /// - Parameter isAnswer: whether an error is what was asked for, such as `--help`.
    /// - Throws: what `parse` says of the words as they stand.
    func parsed<Command>(
        _ parse: ([String]) throws -> Command, isAnswer: (any Error) -> Bool = { _ in false }
    ) throws -> Command {
        do {
            return try parse(words)
        } catch {
            guard !isAnswer(error), spread(keeping: 0) != words else { throw error }
            for count in 0...Self.argumentLimit {
                if let command = try? parse(spread(keeping: count)) { return command }
            }
            throw error
        }
    }

    /// Gives each folder an option of its own, the last `count` words of each run left as they are.
    private func spread(keeping count: Int) -> [String] {
        var result: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            result.append(word)
            // What follows this word is no option's.
            if word == "--" { return result + rest }
            guard word == Self.option, let first = rest.popFirst() else { continue }
            result.append(first)
            let run = rest.prefix { !$0.hasPrefix("-") }
            rest = rest.dropFirst(run.count)
            result += run.dropLast(count).flatMap { [Self.option, $0] } + run.suffix(count)
        }
        return result
    }
}
