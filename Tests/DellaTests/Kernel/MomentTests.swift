import Testing

@testable import Della
@testable import MergeReference

/// The figures of a stretch of rows, at every level, against sums element by element.
@Suite struct MomentTests {
    private static let formats = FloatFormat.allCases

    @Test(arguments: RowKernels.availableLevels, FloatFormat.allCases)
    func everyLevelFindsWhatElementsSay(level: SIMDLevel, format: FloatFormat) throws {
        let kernels = try RowKernels.select(level: level)
        let baseline = try RowKernels.select(level: .baseline)
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        for _ in 0..<60 {
            let count = [1, 3, 31, 32, 33, 64, 200, 4096].randomElement(using: &random)!
            let inputs = Int.random(in: 0...5, using: &random)
            let isWild = Bool.random(using: &random)
            let rows = (0...inputs).map { _ in Self.row(count, format, isWild: isWild, &random) }
            let found = Self.moments(kernels, format, rows, count)
            let what: Comment = "seed \(seed), \(count) elements, \(inputs) inputs"
            // The same bits at every level.
            #expect(found.sums == Self.moments(baseline, format, rows, count).sums, what)
            let values = rows.map { ReferenceFormat.decode(format.stored, $0) }
            let deltas = values.dropFirst().map { zip($0, values[0]).map(ReferenceFigures.difference) }
            Self.expect(found.sums[0], values[0].map { $0.isFinite ? Double($0) * Double($0) : 0 }, what)
            for index in 0..<inputs {
                Self.expect(found.sums[1 + 2 * index], deltas[index].map { $0 * $0 }, what)
                Self.expect(found.sums[2 + 2 * index], deltas[index].map { abs($0) }, what)
                #expect(
                    found.equal[index] == zip(values[index + 1], values[0]).filter { $0 == $1 }.count, what)
            }
            var place = 1 + 2 * inputs
            for i in 0..<inputs {
                for j in i + 1..<max(inputs, i + 1) {
                    Self.expect(found.sums[place], zip(deltas[i], deltas[j]).map { $0 * $1 }, what)
                    place += 1
                }
            }
        }
    }

    @Test(arguments: RowKernels.availableLevels, FloatFormat.allCases)
    func theOutputIsMeasuredInEveryType(level: SIMDLevel, format: FloatFormat) throws {
        let kernels = try RowKernels.select(level: level)
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        for output in FloatFormat.allCases {
            for _ in 0..<20 {
                let count = [1, 31, 32, 65, 2560].randomElement(using: &random)!
                let base = Self.row(count, format, isWild: false, &random)
                let isWild = Bool.random(using: &random)
                let result = Self.row(count, output, isWild: isWild, &random)
                let found = base.withUnsafeBytes { base in
                    result.withUnsafeBytes { result in
                        kernels.change(
                            result.baseAddress!, output, from: base.baseAddress!, format, count: count)
                    }
                }
                let values = (
                    ReferenceFormat.decode(format.stored, base), ReferenceFormat.decode(output.stored, result)
                )
                let what: Comment = "seed \(seed), \(count) elements"
                let changes = zip(values.1, values.0).map(ReferenceFigures.difference)
                Self.expect(found.squares, changes.map { $0 * $0 }, what)
                #expect(found.changed == zip(values.1, values.0).filter { $0 != $1 }.count, what)
                #expect(found.peak == values.1.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }, what)
            }
        }
    }

    // MARK: Rows

    private static func row(
        _ count: Int, _ format: FloatFormat, isWild: Bool, _ random: inout SeededRandom
    ) -> [UInt8] {
        let odd: [Float] = [0, -0.0, .nan, .infinity, -.infinity, 3e38, 1e-42, 1]
        let values = (0..<count).map { _ -> Float in
            if isWild, Int.random(in: 0..<20, using: &random) == 0 {
                return odd.randomElement(using: &random)!
            }
            return Float(Int.random(in: -8...8, using: &random)) * 0.125 * Float(random.normal()).rounded()
        }
        return ReferenceFormat.encode(values, as: format.stored)
    }

    private static func moments(
        _ kernels: RowKernels, _ format: FloatFormat, _ rows: [[UInt8]], _ count: Int
    ) -> (sums: [Double], equal: [Int64]) {
        let inputs = rows.count - 1
        let hasProducts = inputs > 1
        var sums = [Double](
            repeating: 7, count: 1 + 2 * inputs + (hasProducts ? inputs * (inputs - 1) / 2 : 0))
        var equal = [Int64](repeating: 7, count: inputs + 1)
        // At any address.
        let width = count * format.byteWidth
        let memory = UnsafeMutableRawPointer.allocate(byteCount: rows.count * (width + 1) + 64, alignment: 64)
        defer { memory.deallocate() }
        let places = rows.enumerated().map { index, row -> UnsafeRawPointer in
            let place = memory + index * (width + 1)
            row.withUnsafeBytes { place.copyMemory(from: $0.baseAddress!, byteCount: width) }
            return UnsafeRawPointer(place)
        }
        let models = Array(places.dropFirst()) + [places[0]]
        models.withUnsafeBufferPointer { models in
            kernels.moments(
                format, inputs: models.baseAddress!, inputCount: inputs, base: places[0], count: count,
                hasProducts: hasProducts, sums: &sums, equal: &equal)
        }
        return (sums, Array(equal.prefix(inputs)))
    }

    private static func expect(_ found: Double, _ terms: [Double], _ what: Comment) {
        let scale = terms.reduce(0) { $0 + abs($1) }
        #expect(abs(found - terms.reduce(0, +)) <= 1e-12 * scale, what)
    }
}
