/// The running figures of the chunk that a worker has, in memory of the worker's. Does not own it.
struct ChunkStatistics {
    let shape: StatisticsShape
    let words: UnsafeMutablePointer<UInt64>

    func add(_ value: Double, toSum index: Int) {
        ExactSum.add(value, to: words + index * ExactSum.wordCount)
    }

    func add(_ count: Int, at word: Int) { words[word] &+= UInt64(count) }

    func raisePeak(to magnitude: Float) {
        // Bits of magnitudes order as they do.
        words[shape.peak] = max(words[shape.peak], UInt64(magnitude.bitPattern))
    }
}
