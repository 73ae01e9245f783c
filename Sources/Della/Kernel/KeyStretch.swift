import CKernel

/// Keys of a stretch of elements, in their order.
struct KeyStretch {
    let start: UnsafeMutableRawPointer
    /// Bytes of one key.
    let width: Int
    let count: Int

    func key(_ index: Int) -> UInt32 {
        width == 2
            ? UInt32(start.load(fromByteOffset: 2 * index, as: UInt16.self))
            : start.load(fromByteOffset: 4 * index, as: UInt32.self)
    }
}

extension RowKernels {
    /// Bytes of a thread's table of counts.
    static let countTableByteCount = 4 * Int(KERNEL_COUNT_TABLE)

    /// The keys of `count` differences, to `keys`.
    func writeKeys(
        _ format: FloatFormat, base: UnsafeRawPointer, model: UnsafeRawPointer, count: Int,
        _ keys: UnsafeMutableRawPointer
    ) -> KeyStretch {
        var arguments = KernelKeys(
            base: base, model: model, keys: keys, count: Int64(count), format: Int32(format.rawValue))
        table.writeKeys(&arguments)
        return KeyStretch(start: keys, width: format.byteWidth, count: count)
    }

    /// Counts keys, of long ones the upper bits, in this thread's table.
    func count(_ keys: KeyStretch, in own: UnsafeMutablePointer<UInt32>) {
        var arguments = arguments(keys, own, cut: 0)
        table.countKeys(&arguments)
    }

    /// Counts the lower bits of long keys with these upper bits in this thread's table.
    func countLow(_ keys: KeyStretch, upper: UInt32, in own: UnsafeMutablePointer<UInt32>) {
        var arguments = arguments(keys, own, cut: upper)
        table.countLowKeys(&arguments)
    }

    /// How many of the keys are `key`.
    func countEqual(_ keys: KeyStretch, to key: UInt32) -> Int {
        // No table is looked at.
        let nowhere = UnsafeMutablePointer<UInt32>(bitPattern: 64).unsafelyUnwrapped
        var arguments = arguments(keys, nowhere, cut: key)
        return table.countEqualKeys(&arguments)
    }

    /// Adds this thread's counts to a tensor's, and empties them. Nobody else does meanwhile.
    ///
    /// - Parameter isTwofold: whether it is of keys of 15 bits.
    func add(_ own: UnsafeMutablePointer<UInt32>, to counts: KeyCounts, isTwofold: Bool) {
        var arguments = KernelCountSum(
            own: own, sums: counts.entries, length: Int64(counts.length), isTwofold: isTwofold)
        table.addCounts(&arguments)
    }

    private func arguments(
        _ keys: KeyStretch, _ own: UnsafeMutablePointer<UInt32>, cut: UInt32
    ) -> KernelKeyCount {
        KernelKeyCount(
            keys: UnsafeRawPointer(keys.start), table: own, count: Int64(keys.count), cut: cut,
            byteWidth: Int32(keys.width))
    }
}
