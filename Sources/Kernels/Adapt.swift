import CKernel

/// Adds a row of a scaled product of two matrices to values: sums over the rank in order, from +0, unfused.
public func adaptValues(_ row: UnsafePointer<KernelAdapt>) {
    let row = row.pointee
    let scale = Floats(repeating: row.scale)
    var index = 0
    // Four vectors at a time hide what an addition takes.
    while index &+ 64 <= Int(row.count) {
        var a = Floats(repeating: 0), b = a, c = a, d = a
        var k = 0
        while k < Int(row.rank) {
            let factor = Floats(repeating: row.left[k])
            let place = UnsafeRawPointer(row.right + (k &* Int(row.stride) &+ index))
            a += factor * floats(loadWords(place, 0))
            b += factor * floats(loadWords(place, 64))
            c += factor * floats(loadWords(place, 128))
            d += factor * floats(loadWords(place, 192))
            k &+= 1
        }
        let target = UnsafeMutableRawPointer(row.values + index)
        storeWords(words(floats(loadWords(target, 0)) + scale * a), target, 0)
        storeWords(words(floats(loadWords(target, 64)) + scale * b), target, 64)
        storeWords(words(floats(loadWords(target, 128)) + scale * c), target, 128)
        storeWords(words(floats(loadWords(target, 192)) + scale * d), target, 192)
        index &+= 64
    }
    while index < Int(row.count) {
        var sum: Float = 0
        var k = 0
        while k < Int(row.rank) {
            sum += row.left[k] * row.right[k &* Int(row.stride) &+ index]
            k &+= 1
        }
        row.values[index] += row.scale * sum
        index &+= 1
    }
}
