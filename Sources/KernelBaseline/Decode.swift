import CKernel

// Stored values to working values, a block loaded before any of it is written: so a row may grow towards
// its own source at the end of the memory, or shrink in place.

/// One type to another, both constants and not the same.
@inline(always)
func decodeBlocks(_ row: KernelDecode, _ from: Int32, _ to: Int32) {
    let count = Int(row.count)
    var index = 0
    while index &+ blockLength <= count {
        let values = loadPair(from, row.source + index &* width(from))
        _ = storePair(to, row.destination + index &* width(to), rearranged(values, from, to))
        index &+= blockLength
    }
    while index < count {
        store(to, row.destination, index, value(from, row.source, index))
        index &+= 1
    }
}

/// F64, rounded to float32 and then to the format.
@inline(always)
func decodeDoubles(_ row: KernelDecode, _ to: Int32) {
    var index = 0
    while index < Int(row.count) {
        let x = Float(Double(bitPattern: loadLong(row.source, index &* 8)))
        store(to, row.destination, index, x)
        index &+= 1
    }
}
