// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that building dellad does not build the benchmark harness.
let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "dellad", path: ".."),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Kernels",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "Della", package: "dellad"),
                .product(name: "StreamIO", package: "dellad"),
            ],
            path: "Benchmarks/Kernels",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        )
    ],
    swiftLanguageModes: [.v6]
)
