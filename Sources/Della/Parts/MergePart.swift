import StreamIO

/// One of the equal rights of several processes to a merge's shards: the I-th of N, I from 0.
public struct MergePart: Hashable, Sendable, CustomStringConvertible {
    /// Parts of a merge, at most: more than any output has files.
    public static let countLimit = 4096

    /// From 0.
    public let index: Int
    /// Of how many.
    public let count: Int

    /// - Returns: `nil` where there is no such part.
    public init?(index: Int, count: Int) {
        guard (1...Self.countLimit).contains(count), (0..<count).contains(index) else { return nil }
        (self.index, self.count) = (index, count)
    }

    /// Reads `3/8`.
    public init?(_ text: some StringProtocol) {
        let words = text.split(separator: "/", omittingEmptySubsequences: false)
        guard words.count == 2, let index = Self.number(words[0]), let count = Self.number(words[1]) else {
            return nil
        }
        self.init(index: index, count: count)
    }

    private static func number(_ word: some StringProtocol) -> Int? {
        !word.isEmpty && word.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(word) : nil
    }

    /// `3/8`, as it is given.
    public var description: String { "\(index)/\(count)" }

    /// Begins the names of its files.
    var fileName: String { "\(index)-of-\(count)" }
}
