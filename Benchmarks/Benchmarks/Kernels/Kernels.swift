import Benchmark
import Della

/// What is reported: thousandths of a nanosecond for each element of a row.
let perElement = BenchmarkMetric.custom("ps per element", polarity: .prefersSmaller, useScalingFactor: false)

/// The kernels by stage, level, type and row length, a row at a time and in cache.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [perElement], warmupIterations: 20, maxDuration: .milliseconds(300), maxIterations: 2000)
    for level in RowKernels.availableLevels {
        for format in FloatFormat.allCases {
            for length in [128, 1024, 5120, 14336, 131_072] {
                for stage in Stage.allCases { measure(stage, level, format, length) }
            }
        }
    }
}

@Sendable func measure(_ stage: Stage, _ level: SIMDLevel, _ format: FloatFormat, _ length: Int) {
    Benchmark("\(stage) \(level) \(format) \(length)") { benchmark in
        let row = try SyntheticRow(level: level, format: format, length: length)
        let clock = ContinuousClock()
        for _ in benchmark.scaledIterations {
            row.reset()
            let elapsed = clock.measure { row.run(stage) }
            let picoseconds = Double(elapsed.components.attoseconds) / 1e6
            benchmark.measurement(perElement, Int(picoseconds / Double(length)))
        }
    }
}
