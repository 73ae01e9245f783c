import CKernel

// Products of rows, summed in Double in the contract's order: a product of two float32 is exact there. A row's last,
// partial block is worked on in a copy that zeros make whole: they add +0.

/// One row of all inputs: the sums of the products of each with itself and those after it.
public func gramRow(_ row: UnsafePointer<KernelGram>) {
    switch row.pointee.format {
    case 0: gram(row.pointee, 0)
    case 1: gram(row.pointee, 1)
    default: gram(row.pointee, 2)
    }
}

/// A block of 32 values in Double: of a pair, the halves of its first and of its second vector.
typealias BlockDoubles = (SIMD8<Double>, SIMD8<Double>, SIMD8<Double>, SIMD8<Double>)

extension RowSums {
    /// Adds the products of two blocks.
    @inline(always)
    mutating func add(_ format: Int32, _ x: BlockDoubles, times y: BlockDoubles) {
        first = addProducts(first, x.0, y.0)
        if format == 2 {
            second = addProducts(second, x.1, y.1)
            first = addProducts(first, x.2, y.2)
        } else {
            first = addProducts(first, x.1, y.1)
            second = addProducts(second, x.2, y.2)
        }
        second = addProducts(second, x.3, y.3)
    }
}

@inline(always)
private func gram(_ row: KernelGram, _ format: Int32) {
    if row.count == 1 {
        gramOfOne(row, format)
        return
    }
    fillTails(row, format)
    let count = Int(row.inputCount)
    if count == 2 {
        gramOfTwo(row, format)
        return
    }
    var place = row.sums
    var i = 0
    while i < count {
        place.pointee = folded(products(row, i, i, format).lanes(format))
        place += Int(row.stride)
        var j = i &+ 1
        while j < count {
            place.pointee = folded(products(row, i, j, format).lanes(format))
            place += Int(row.stride)
            j &+= 1
        }
        i &+= 1
    }
}

/// Rows of one element: the products themselves.
@inline(always)
private func gramOfOne(_ row: KernelGram, _ format: Int32) {
    var place = row.sums
    var i = 0
    while i < Int(row.inputCount) {
        let x = Double(single(row, i, format))
        var j = i
        while j < Int(row.inputCount) {
            place.pointee = 0 + x * Double(single(row, j, format))
            place += Int(row.stride)
            j &+= 1
        }
        i &+= 1
    }
}

@inline(always)
private func single(_ row: KernelGram, _ input: Int, _ format: Int32) -> Float {
    let x = value(format, row.inputs[input], 0)
    guard let base = row.base else { return x }
    return x - value(format, base, 0)
}

/// Copies the last, partial block of the base and of each input to scratch, zeros behind it.
@inline(always)
private func fillTails(_ row: KernelGram, _ format: Int32) {
    let whole = Int(row.count) & ~(blockLength &- 1)
    if whole == Int(row.count) { return }
    let byteCount = (Int(row.count) &- whole) &* width(format)
    var k = 0
    while k <= Int(row.inputCount) {
        let tail = row.scratch + 128 &* k
        storeWords(all(0), tail, 0)
        storeWords(all(0), tail, 64)
        let source = k == 0 ? row.base : row.inputs[k &- 1]
        if let source { tail.copyMemory(from: source + whole &* width(format), byteCount: byteCount) }
        k &+= 1
    }
}

/// The block at `index` of an input, or of its difference from the base.
@inline(always)
private func loadDoubles(_ row: KernelGram, _ input: Int, _ index: Int, _ format: Int32) -> BlockDoubles {
    let isTail = index &+ blockLength > Int(row.count)
    let byte = index &* width(format)
    let source = isTail ? UnsafeRawPointer(row.scratch + 128 &* (input &+ 1)) : row.inputs[input] + byte
    let x = loadPair(format, source)
    var values = (floats(x.0), floats(x.1))
    if let base = row.base {
        let b = loadPair(format, isTail ? UnsafeRawPointer(row.scratch) : base + byte)
        values = (values.0 - floats(b.0), values.1 - floats(b.1))
    }
    return (lowDoubles(values.0), highDoubles(values.0), lowDoubles(values.1), highDoubles(values.1))
}

/// The products of two inputs.
@inline(always)
private func products(_ row: KernelGram, _ i: Int, _ j: Int, _ format: Int32) -> RowSums {
    var sums = RowSums()
    var index = 0
    while index < Int(row.count) {
        let x = loadDoubles(row, i, index, format)
        sums.add(format, x, times: i == j ? x : loadDoubles(row, j, index, format))
        index &+= blockLength
    }
    return sums
}

/// All products of two inputs, in one pass.
@inline(always)
private func gramOfTwo(_ row: KernelGram, _ format: Int32) {
    var (first, mixed, second) = (RowSums(), RowSums(), RowSums())
    var index = 0
    while index < Int(row.count) {
        let x = loadDoubles(row, 0, index, format)
        let y = loadDoubles(row, 1, index, format)
        first.add(format, x, times: x)
        mixed.add(format, x, times: y)
        second.add(format, y, times: y)
        index &+= blockLength
    }
    let stride = Int(row.stride)
    row.sums[0] = folded(first.lanes(format))
    row.sums[stride] = folded(mixed.lanes(format))
    row.sums[2 &* stride] = folded(second.lanes(format))
}
