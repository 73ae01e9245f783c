/// The bytes of a range of a file, one after the other: one window of at most `windowBytes` is in memory.
///
/// Nothing is read beyond the range. Errors are those of the file.
struct ByteWindow: ~Copyable {
    static let windowBytes = 1 << 18

    private let file: TextFile
    private let start: UInt64
    private let end: UInt64
    /// Where in the file the window ends.
    private var next: UInt64
    private let window: UnsafeMutableRawBufferPointer
    private var offset = 0
    private var filled = 0

    /// - Precondition: the range lies within the file.
    init(_ file: TextFile, _ range: Range<UInt64>) {
        self.file = file
        (start, end, next) = (range.lowerBound, range.upperBound, range.lowerBound)
        let count = min(UInt64(Self.windowBytes), max(1, range.upperBound - range.lowerBound))
        window = .allocate(byteCount: Int(count), alignment: 16)
    }

    deinit { window.deallocate() }

    /// Bytes that were handed out.
    var position: UInt64 { next - start - UInt64(filled - offset) }

    /// Bytes that were not handed out.
    var remaining: UInt64 { end - next + UInt64(filled - offset) }

    private mutating func refill() throws -> Bool {
        let count = min(UInt64(window.count), end - next)
        guard count > 0 else { return false }
        let piece = UnsafeMutableRawBufferPointer(rebasing: window[..<Int(count)])
        _ = try file.read(into: piece, at: next)
        next += count
        (offset, filled) = (0, Int(count))
        return true
    }

    /// The next byte; `nil` at the end.
    @inline(__always)
    mutating func byte() throws -> UInt8? {
        if offset == filled, try !refill() { return nil }
        defer { offset += 1 }
        return window[offset]
    }

    /// The next number, little-endian; `nil` where the range ends before it does.
    mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws -> Number? {
        guard remaining >= UInt64(MemoryLayout<Number>.size) else { return nil }
        var value: Number = 0
        for place in 0..<MemoryLayout<Number>.size {
            guard let byte = try byte() else { return nil }
            value |= Number(truncatingIfNeeded: UInt64(byte) << UInt64(8 * place))
        }
        return value
    }

    /// Appends the next bytes; `false` where the range ends before.
    mutating func read(_ count: Int, to bytes: inout [UInt8]) throws -> Bool {
        try take(UInt64(count)) { bytes.append(contentsOf: $0) }
    }

    /// Steps over the next bytes; `false` where the range ends before.
    mutating func skip(_ count: UInt64) throws -> Bool { try take(count) { _ in } }

    private mutating func take(_ count: UInt64, _ body: (Slice<UnsafeMutableRawBufferPointer>) -> Void) throws
        -> Bool
    {
        guard count <= remaining else { return false }
        var left = count
        while left > 0 {
            if offset == filled, try !refill() { return false }
            let piece = Int(min(left, UInt64(filled - offset)))
            body(window[offset..<offset + piece])
            offset += piece
            left -= UInt64(piece)
        }
        return true
    }
}
