// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "dellad",
    products: [.library(name: "StreamIO", targets: ["StreamIO"])],
    dependencies: [.package(url: "https://github.com/apple/swift-system", from: "1.8.1")],
    targets: [
        .systemLibrary(name: "CUring", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
        .target(name: "CChecksum"),
        .target(name: "CLinux", dependencies: ["CUring"], linkerSettings: [.linkedLibrary("uring")]),
        .target(
            name: "StreamIO",
            dependencies: ["CChecksum", "CLinux", .product(name: "SystemPackage", package: "swift-system")]
        ),
        .target(
            name: "Synthesis",
            dependencies: ["StreamIO", .product(name: "SystemPackage", package: "swift-system")],
            // Random numbers by the billion: without optimisation a debug build would take hours.
            swiftSettings: [.unsafeFlags(["-O"])]
        ),
        .testTarget(name: "StreamIOTests", dependencies: ["StreamIO"]),
        .testTarget(name: "DaemonTests", dependencies: ["Synthesis"]),
    ],
    swiftLanguageModes: [.v6]
)
