/// Bytes at an address that is a multiple of 64 plus `misalignment`, between two fences of known bytes.
final class Memory {
    let byteCount: Int
    let start: UnsafeMutableRawPointer
    private let whole: UnsafeMutableRawBufferPointer
    private static let fence = 128

    init(_ byteCount: Int, _ misalignment: Int) {
        self.byteCount = byteCount
        whole = .allocate(byteCount: byteCount + misalignment + 2 * Self.fence, alignment: 64)
        for index in whole.indices { whole[index] = 0xA5 }
        start = whole.baseAddress! + Self.fence + misalignment
    }

    deinit {
        precondition(fencesStand, "a kernel wrote outside its row")
        whole.deallocate()
    }

    var bytes: [UInt8] {
        Array(UnsafeRawBufferPointer(start: start, count: byteCount))
    }

    func scribble(_ byte: UInt8) {
        for index in 0..<byteCount { start.storeBytes(of: byte, toByteOffset: index, as: UInt8.self) }
    }

    private var fencesStand: Bool {
        let before = whole[..<whole.baseAddress!.distance(to: start)]
        let after = whole[(before.count + byteCount)...]
        return before.allSatisfy { $0 == 0xA5 } && after.allSatisfy { $0 == 0xA5 }
    }
}
