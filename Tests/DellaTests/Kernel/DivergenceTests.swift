import Glibc
import Testing

@testable import Della
@testable import MergeReference

/// The divergence of rows' softmaxes: by tables of exponentials and without them, whichever a row's values ask for.
@Suite struct DivergenceTests {
    /// From softmaxes that are nearly even to values that no table has.
    private static let scales = [1e-6, 0.02, 1, 30, 500, 2000]
    private static let lengths = [1, 2, 15, 31, 32, 33, 64, 100, 1000, 5120, 16384, 16385]

    @Test(arguments: FloatFormat.allCases)
    func itIsThatOfTheFormulasAtEveryLevel(format: FloatFormat) throws {
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        for scale in Self.scales {
            for length in Self.lengths {
                let base = (0..<length).map { _ in random.normal() * scale }
                let model = base.map { $0 + random.normal() * 0.1 * scale }
                try expect(model, base, format, "scale \(scale), length \(length), seed \(seed)")
            }
        }
    }

    @Test(arguments: FloatFormat.allCases)
    func whatIsNotFiniteMakesItNaN(format: FloatFormat) throws {
        var random = SeededRandom(seed: 7)
        for place in [0, 40, 69] {
            for value in [Double.nan, .infinity] {
                var model = (0..<70).map { _ in random.normal() }
                let base = model
                model[place] = value
                try expect(model, base, format, "\(value) at \(place)")
                try expect(base, model, format, "\(value) of the base at \(place)")
            }
        }
    }

    /// Values at which a table ends, and those that weigh nothing.
    @Test(arguments: FloatFormat.allCases)
    func theEndsOfTheTablesAreNoSteps(format: FloatFormat) throws {
        for edge in [510.0, 511.5, 512, 514, -512, 40000, -40000] {
            try expect([edge, edge - 1, edge - 2, 0], [edge - 2, edge, edge - 1, 1], format, "edge \(edge)")
        }
        let nothing = -Double.infinity
        try expect([0, nothing, 1, 2], [1, nothing, 0, 2], format, "minus infinity")
    }

    private func expect(
        _ model: [Double], _ base: [Double], _ format: FloatFormat, _ comment: Comment
    ) throws {
        let rows = [model, base].map {
            ReferenceFormat.decode(format.elementType, RowValues.encode($0, format.elementType))
        }
        let expected = Self.divergence(rows[0].map(Double.init), rows[1].map(Double.init))
        var found: [UInt32] = []
        for level in RowKernels.availableLevels {
            for misalignment in [0, format.byteWidth] {
                found.append(
                    try measure(model, base, format, RowKernels.select(level: level), misalignment).bitPattern
                )
            }
        }
        let first = Float(bitPattern: found[0])
        #expect(found.allSatisfy { $0 == found[0] || first.isNaN && Float(bitPattern: $0).isNaN }, comment)
        if expected.isNaN {
            #expect(first.isNaN, comment)
        } else {
            #expect(abs(Double(first) - expected) <= 2e-7 * abs(expected) + 1e-12, comment)
        }
    }

    private func measure(
        _ model: [Double], _ base: [Double], _ format: FloatFormat, _ kernels: RowKernels, _ misalignment: Int
    ) throws -> Float {
        let rows = [model, base].map { values in
            let bytes = RowValues.encode(values, format.elementType)
            let memory = Memory(bytes.count, misalignment)
            bytes.withUnsafeBytes { memory.start.copyMemory(from: $0.baseAddress!, byteCount: bytes.count) }
            return memory
        }
        let scratch = Memory(RowKernels.divergenceScratchByteCount(rowLength: model.count), 0)
        return withExtendedLifetime((rows, scratch)) {
            kernels.divergence(
                ScoreRow(
                    format: format, base: rows[1].start, model: rows[0].start, count: model.count, factor: 1),
                scratch: scratch.start)
        }
    }

    /// By libm, in the order of the elements.
    private static func divergence(_ x: [Double], _ b: [Double]) -> Double {
        func softmax(_ values: [Double]) -> [Double] {
            let most = values.max() ?? 0
            // `max` passes over NaN.
            let exponentials = values.map { $0.isNaN || most == .infinity ? .nan : exp($0 - most) }
            let sum = exponentials.reduce(0, +)
            return exponentials.map { $0 / sum + 1e-8 }
        }
        return zip(softmax(x), softmax(b)).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
    }
}
