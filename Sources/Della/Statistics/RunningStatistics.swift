import Synchronization

/// The figures of a tensor that is being merged, added up chunk by chunk in whatever order these are done: the sums are
/// exact.
final class RunningStatistics: Sendable {
    let shape: StatisticsShape
    /// The reference, as an index of the merge's values, base first.
    let reference: Int
    /// The values that differences are taken of, likewise.
    let inputs: [Int]
    private let words: Mutex<[UInt64]>

    /// - Parameter base: the config's base, among the plan's models: the reference of a rule that takes no differences,
    ///   where it is one of the inputs. Else the first of these is.
    /// - Returns: `nil` where there is nothing to measure.
    init?(_ merge: TensorMerge, base: Int?) {
        let all = merge.allInputs
        guard !all.isEmpty else { return nil }
        var reference = 0
        // An arc begins at its base, which a slice may have to itself.
        let isArc = if case .blend(.slerp) = merge.rule { true } else { false }
        if merge.reference == nil, !isArc {
            reference = merge.inputs.firstIndex { $0.model == base } ?? 0
        }
        self.reference = reference
        // What a model has from the reference's own is no difference of its.
        inputs = all.indices.filter { $0 != reference && all[$0].model != all[reference].model }
        shape = StatisticsShape(inputCount: inputs.count)
        words = Mutex(Array(repeating: 0, count: shape.wordCount))
    }

    /// For a tensor that is copied: figures of its own alone.
    init() {
        (reference, inputs) = (0, [])
        shape = StatisticsShape(inputCount: 0)
        words = Mutex(Array(repeating: 0, count: shape.wordCount))
    }

    /// Lets a worker measure a chunk, and adds what it finds.
    func withChunk(_ body: (ChunkStatistics) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: shape.wordCount) { memory in
            memory.initialize(repeating: 0)
            guard let first = memory.baseAddress else { return }
            body(ChunkStatistics(shape: shape, words: first))
            words.withLock { words in
                words.withUnsafeMutableBufferPointer { total in
                    guard let total = total.baseAddress else { return }
                    for sum in 0..<shape.sumCount {
                        let place = sum * ExactSum.wordCount
                        ExactSum.add(UnsafePointer(first + place), to: total + place)
                    }
                    for word in shape.equal(0)..<shape.peak { total[word] &+= first[word] }
                    total[shape.peak] = max(total[shape.peak], first[shape.peak])
                }
            }
        }
    }

    /// What was found of the sums and counts.
    ///
    /// - Parameter models: whose the inputs are.
    func statistics(elements: Int, models: [Int]) -> TensorStatistics {
        words.withLock { words in
            words.withUnsafeBufferPointer { total in
                guard let total = total.baseAddress else { return TensorStatistics() }
                func sum(_ index: Int) -> Double { ExactSum.value(total + index * ExactSum.wordCount) }
                var found = TensorStatistics()
                found.elements = UInt64(elements)
                found.referenceSquares = sum(0)
                found.inputs = models.enumerated().map { index, model in
                    var input = TensorStatistics.Input(model: model)
                    input.squares = sum(1 + 2 * index)
                    input.magnitudes = sum(2 + 2 * index)
                    input.equal = total[shape.equal(index)]
                    input.kept = total[shape.kept(index)]
                    return input
                }
                found.products = (0..<shape.productCount).map { sum(1 + 2 * shape.inputCount + $0) }
                found.conflicts = total[shape.conflicts]
                found.changeSquares = sum(shape.changeSum)
                found.changed = total[shape.changed]
                found.outputPeak = Float(bitPattern: UInt32(truncatingIfNeeded: total[shape.peak]))
                return found
            }
        }
    }
}
