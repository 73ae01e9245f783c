import StreamIO

/// One thing that is wrong with a merge: where in the config, what, and what to do about it.
public struct Problem: Hashable, Sendable {
    /// What a problem means for the exit code.
    public enum Kind: Hashable, Sendable {
        /// The config or a model's data is wrong: 65 of sysexits.h.
        case data
        /// An input is not where it was looked for: 66.
        case missingInput
    }

    /// Characters of a message and of a remedy, at most; what they quote may have any length.
    static let textLimit = 1_000

    /// The line of the config where the construct begins, from 1; `nil` where the whole file is meant.
    public var line: Int?
    /// What is wrong, printable whatever it quotes.
    public let message: String
    /// What the reader can do, printable too; empty where the message says it.
    public let remedy: String
    /// Wrong data, or a missing input.
    public var kind: Kind
    /// The model that is missing and that a hub may have; `nil` for every other problem.
    public var model: HubModel?

    /// A problem, of the whole file where `line` is `nil`. Control characters in the texts are escaped.
    public init(
        line: Int?, _ message: String, remedy: String = "", kind: Kind = .data, model: HubModel? = nil
    ) {
        self.line = line
        self.message = message.printable(atMost: Self.textLimit)
        self.remedy = remedy.printable(atMost: Self.textLimit)
        self.kind = kind
        self.model = model
    }

    /// `FILE:LINE: what is wrong (what to do)`.
    public func description(in fileName: String) -> String {
        let place = line.map { "\(fileName):\($0)" } ?? fileName
        return remedy.isEmpty ? "\(place): \(message)" : "\(place): \(message) (\(remedy))"
    }
}
