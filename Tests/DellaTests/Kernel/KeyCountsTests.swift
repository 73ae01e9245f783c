import CKernel
import Testing

@testable import Della
@testable import MergeReference

/// The tables that scores are counted in, and what cuts become of them.
@Suite struct KeyCountsTests {
    @Test(arguments: [(UInt16.bitWidth, KeyCounts.shortLength), (UInt32.bitWidth, KeyCounts.longLength)])
    func entriesHoldMoreThanTheirThirtyTwoBits(width: Int, length: Int) throws {
        for level in RowKernels.availableLevels {
            let kernels = try RowKernels.select(level: level)
            let memory = Memory(KeyCounts.byteCount(length: length), 0)
            let own = Memory(RowKernels.countTableByteCount, 0)
            let counts = KeyCounts(
                entries: memory.start.assumingMemoryBound(to: UInt32.self), length: length)
            memory.scribble(0)
            own.scribble(0)
            let table = own.start.assumingMemoryBound(to: UInt32.self)
            for _ in 0..<5 {
                table[3] = .max
                table[length - 1] = 1 << 31
                kernels.add(table, to: counts, isTwofold: width == 16)
            }
            let all: UInt64 = 5 * UInt64(UInt32.max)
            for (rank, slot) in [(0, 3), (all - 1, 3), (all, length - 1), (all + 5 << 31 - 1, length - 1)] {
                let found = counts.slot(ofRank: rank, below: 0)
                #expect(found.slot == slot)
                #expect(found.below == (slot == 3 ? 0 : all))
                #expect(found.count == (slot == 3 ? all : 5 << 31))
            }
            #expect(own.bytes.allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: FloatFormat.allCases)
    func countsAndPlacesOfKeysAreThoseOfTheDifferences(format: FloatFormat) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        for level in RowKernels.availableLevels {
            let kernels = try RowKernels.select(level: level)
            for kind in RowValues.allCases {
                let count = Int.random(in: 1...300, using: &random)
                let (base, models) = kind.tensors(
                    format.elementType, count: count, models: 1, using: &random)
                let delta = zip(
                    ReferenceFormat.decode(format.elementType, models[0]),
                    ReferenceFormat.decode(format.elementType, base)
                ).map { ReferenceFormat.round($0 - $1, to: format) }
                let memory = Memory(KeyStretch.byteCount, 0)
                let keys = base.withUnsafeBytes { base in
                    models[0].withUnsafeBytes { model in
                        kernels.writeKeys(
                            format, base: base.baseAddress!, model: model.baseAddress!, count: count,
                            memory.start)
                    }
                }
                // Keys order as magnitudes do, NaNs equal and last.
                for (i, j) in zip(0..<count - 1, 1..<count) {
                    let (x, y) = (delta[i].magnitude, delta[j].magnitude)
                    let isLess = x.isNaN ? false : y.isNaN || x < y
                    #expect((keys.key(i) < keys.key(j)) == isLess, "\(kind), \(x), \(y), seed \(seed)")
                    let isEqual = x.isNaN && y.isNaN || x == y
                    #expect((keys.key(i) == keys.key(j)) == isEqual)
                }
                let wanted = keys.key(count / 2)
                let number = (0..<count).count { keys.key($0) == wanted }
                #expect(kernels.countEqual(keys, to: wanted) == number)
            }
        }
    }
}
