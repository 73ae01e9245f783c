import CKernel

// Products of elements, summed by column: an element of every row in its own sums, rows in their order.

/// A stretch of one row of two inputs.
public func addColumns(_ row: UnsafePointer<KernelColumns>) {
    switch row.pointee.format {
    case 0: addColumns(row.pointee, 0)
    case 1: addColumns(row.pointee, 1)
    default: addColumns(row.pointee, 2)
    }
}

@inline(always)
private func addColumns(_ row: KernelColumns, _ format: Int32) {
    var index = 0
    while index < Int(row.count) {
        let x = loadNatural(row, 0, index, format)
        let y = loadNatural(row, 1, index, format)
        let place = UnsafeMutableRawPointer(row.sums + index)
        let next = Int(row.stride) &* 8
        addProducts(place, x, x)
        addProducts(place + next, x, y)
        addProducts(place + 2 &* next, y, y)
        index &+= blockLength
    }
}

/// The block at `index` of an input, or of its difference from the base, in the order of its elements.
@inline(always)
private func loadNatural(
    _ row: KernelColumns, _ input: Int, _ index: Int, _ format: Int32
) -> (Floats, Floats) {
    let byte = index &* width(format)
    let x = loadPair(format, row.inputs[input] + byte)
    var values = (floats(x.0), floats(x.1))
    if let base = row.base {
        let b = loadPair(format, base + byte)
        values = (values.0 - floats(b.0), values.1 - floats(b.1))
    }
    if format == 2 { return values }
    let ordered = interleaved(words(values.0), words(values.1))
    return (floats(ordered.0), floats(ordered.1))
}

@inline(always)
private func addProducts(_ place: UnsafeMutableRawPointer, _ x: (Floats, Floats), _ y: (Floats, Floats)) {
    add(place, lowDoubles(x.0) * lowDoubles(y.0))
    add(place + 64, highDoubles(x.0) * highDoubles(y.0))
    add(place + 128, lowDoubles(x.1) * lowDoubles(y.1))
    add(place + 192, highDoubles(x.1) * highDoubles(y.1))
}

@inline(always)
private func add(_ place: UnsafeMutableRawPointer, _ products: SIMD8<Double>) {
    storeDoubles(loadDoubles(place, 0) + products, place, 0)
}
