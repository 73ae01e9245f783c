/// Which pieces of an arena are registered with a ring: those of which all pages had been used by then.
///
/// Registering pins pages, and pages that were never used would have to be found first: seconds for a large arena
/// on some hosts, and for nothing in a merge that never needs them.
struct RegisteredPieces {
    /// Bytes of a piece, a multiple of `unit`.
    let size: Int
    /// Whether a piece is registered; empty before.
    private(set) var isRegistered: [Bool] = []
    /// Stretches of the arena that transfers have used.
    private var isUsed: [Bool]
    private let arena: UnsafeMutableRawBufferPointer

    /// What use is counted in: a huge page.
    private static let unit = Arena.alignment
    /// The kernel registers no more than 1024 pieces, of at most 1 GiB each.
    private static let countLimit = 1024
    private static let leastSize = 16 << 20

    init(_ arena: UnsafeMutableRawBufferPointer) {
        self.arena = arena
        let share = (arena.count / Self.countLimit + Self.unit) / Self.unit * Self.unit
        size = max(Self.leastSize, share)
        isUsed = Array(repeating: false, count: (arena.count + Self.unit - 1) / Self.unit)
    }

    /// Notes that a transfer uses a buffer.
    mutating func use(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let offset = offset(of: buffer), !buffer.isEmpty else { return }
        for unit in offset / Self.unit...(offset + buffer.count - 1) / Self.unit { isUsed[unit] = true }
    }

    /// Pieces whose every page has been used.
    var used: [Bool] {
        stride(from: 0, to: arena.count, by: size).map { start in
            isUsed[start / Self.unit..<min(isUsed.count, (start + size) / Self.unit)].allSatisfy { $0 }
        }
    }

    /// Takes note that these pieces are registered.
    mutating func note(_ pieces: [Bool]) { isRegistered = pieces }

    /// The registered piece that holds all of a buffer.
    func piece(holding buffer: UnsafeMutableRawBufferPointer) -> Int? {
        guard !isRegistered.isEmpty, let offset = offset(of: buffer) else { return nil }
        let piece = offset / size
        let isWhole = offset + buffer.count <= (piece + 1) * size
        return isWhole && isRegistered[piece] ? piece : nil
    }

    /// Where a buffer of the arena starts; `nil` for others.
    private func offset(of buffer: UnsafeMutableRawBufferPointer) -> Int? {
        guard let start = buffer.baseAddress, let base = arena.baseAddress, start >= base,
            start + buffer.count <= base + arena.count
        else { return nil }
        return start - base
    }
}
