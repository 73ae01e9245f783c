// swift-tools-version: 6.2
import PackageDescription

// Also in a debug build: the tests go over the values of thousands of models, one at a time, and would take hours.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"])]

let package = Package(
    name: "dellad",
    products: [
        .executable(name: "dellad", targets: ["Daemon"]),
        .library(name: "Della", targets: ["Della"]),
        .library(name: "StreamIO", targets: ["StreamIO"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    ],
    targets: [
        .systemLibrary(name: "CUring", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
        .target(name: "CChecksum"),
        .target(name: "CLinux", dependencies: ["CUring"], linkerSettings: [.linkedLibrary("uring")]),
        .target(
            name: "StreamIO",
            dependencies: ["CChecksum", "CLinux", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: optimised
        ),
        .target(name: "CKernel"),
        .target(
            name: "Della",
            dependencies: [
                "StreamIO",
                "CKernel",
                .product(name: "Yams", package: "Yams"),
                .product(name: "Collections", package: "swift-collections"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: optimised
        ),
        .target(
            name: "Synthesis",
            dependencies: ["StreamIO", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: optimised
        ),
        .target(name: "CDaemon"),
        .target(name: "CSystemd"),
        .executableTarget(
            name: "Daemon",
            dependencies: [
                "CDaemon",
                "CSystemd",
                "Della",
                "Synthesis",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .testTarget(name: "StreamIOTests", dependencies: ["CChecksum", "MergeReference", "StreamIO"]),
        // What a merge must come to, computed slowly. Depends on nothing, so that it shares nothing with what it judges.
        .target(
            name: "MergeReference", path: "Tests/MergeReference", swiftSettings: optimised),
        .testTarget(
            name: "DellaTests",
            dependencies: ["Della", "MergeReference", .product(name: "Yams", package: "Yams")],
            exclude: ["Resources"], swiftSettings: optimised),
        .testTarget(name: "DaemonTests", dependencies: ["CDaemon", "Daemon", "MergeReference", "Synthesis"]),
    ],
    swiftLanguageModes: [.v6]
)

// The kernels are built once for every instruction set, from KernelBaseline, which the other folders are links to, and
// chosen when the program starts.
//
// `#if arch` asks of the host that reads this file. `ARCH=arm64`, or amd64, names another target.
#if arch(x86_64)
    let host = "amd64"
#else
    let host = "other"
#endif
let asked = Context.environment["ARCH"] ?? ""
let isIntel = ["amd64", "x86_64"].contains(asked.isEmpty ? host : asked)
let kernels: [(String, [String])] =
    [("KernelBaseline", [])]
    + (isIntel
        ? [("KernelAVX2", ["-Xcc", "-march=x86-64-v3"]), ("KernelAVX512", ["-Xcc", "-march=x86-64-v4"])] : [])
for (name, flags) in kernels {
    package.targets.append(
        .target(name: name, dependencies: ["CKernel"], swiftSettings: [.unsafeFlags(["-O"] + flags)]))
    package.targets.first { $0.name == "Della" }?.dependencies.append(.target(name: name))
}
