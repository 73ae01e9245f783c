import CKernel

/// Adds a stretch of a scaled product of two matrices to rows: sums over the rank in order, from +0, unfused.
public func adaptValues(_ stretch: UnsafePointer<KernelAdapt>) {
    let stretch = stretch.pointee
    let (rowCount, rank, count) = (Int(stretch.rowCount), Int(stretch.rank), Int(stretch.count))
    let values = stretch.values
    var column = 0
    while column &+ 16 <= count {
        let right = UnsafeRawPointer(stretch.right + column &* rank)
        var row = 0
        // Four rows at a time share what is loaded, and hide what an addition takes.
        while row &+ 4 <= rowCount {
            addFour(
                UnsafeMutableRawPointer(values + (row &* Int(stretch.stride) &+ column)), right,
                stretch.left + row &* rank, stretch)
            row &+= 4
        }
        while row < rowCount {
            addOne(
                UnsafeMutableRawPointer(values + (row &* Int(stretch.stride) &+ column)), right,
                stretch.left + row &* rank, stretch)
            row &+= 1
        }
        column &+= 16
    }
    guard column < count else { return }
    let right = stretch.right + column &* rank
    var row = 0
    while row < rowCount {
        var lane = 0
        while column &+ lane < count {
            var sum: Float = 0
            var k = 0
            while k < rank {
                sum += stretch.left[row &* rank &+ k] * right[16 &* k &+ lane]
                k &+= 1
            }
            values[row &* Int(stretch.stride) &+ column &+ lane] += stretch.scale * sum
            lane &+= 1
        }
        row &+= 1
    }
}

@inline(always)
private func addFour(
    _ target: UnsafeMutableRawPointer, _ right: UnsafeRawPointer, _ left: UnsafePointer<Float>,
    _ stretch: KernelAdapt
) {
    let rank = Int(stretch.rank)
    var a = Floats(repeating: 0), b = a, c = a, d = a
    var k = 0
    while k < rank {
        let place = floats(loadWords(right, 64 &* k))
        a += Floats(repeating: left[k]) * place
        b += Floats(repeating: left[rank &+ k]) * place
        c += Floats(repeating: left[2 &* rank &+ k]) * place
        d += Floats(repeating: left[3 &* rank &+ k]) * place
        k &+= 1
    }
    let scale = Floats(repeating: stretch.scale)
    let step = 4 &* Int(stretch.stride)
    storeWords(words(floats(loadWords(target, 0)) + scale * a), target, 0)
    storeWords(words(floats(loadWords(target, step)) + scale * b), target, step)
    storeWords(words(floats(loadWords(target, 2 &* step)) + scale * c), target, 2 &* step)
    storeWords(words(floats(loadWords(target, 3 &* step)) + scale * d), target, 3 &* step)
}

@inline(always)
private func addOne(
    _ target: UnsafeMutableRawPointer, _ right: UnsafeRawPointer, _ left: UnsafePointer<Float>,
    _ stretch: KernelAdapt
) {
    var sum = Floats(repeating: 0)
    var k = 0
    while k < Int(stretch.rank) {
        sum += Floats(repeating: left[k]) * floats(loadWords(right, 64 &* k))
        k &+= 1
    }
    storeWords(
        words(floats(loadWords(target, 0)) + Floats(repeating: stretch.scale) * sum), target, 0)
}
