import Glibc
import SystemPackage
import Testing

@testable import StreamIO

/// Numbers from outside: nothing traps, and what can be said exactly is.
@Suite struct NumberTests {
    private static let edges: [Int64] = [
        .min, .min + 1, -9_223_372_037, -9_223_372_036, -1, 0, 1, 1_000_000_000, 9_223_372_036, 9_223_372_037,
        9_223_372_036_854_775_807,
    ]

    @Test func arithmeticEndsAtTheLastNumber() {
        var random = SeededGenerator()
        for _ in 0..<20_000 {
            let pair = (0..<2).map { _ in
                Bool.random(using: &random)
                    ? Self.edges.randomElement(using: &random)!
                    : Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random)
            }
            let (a, b) = (Int128(pair[0]), Int128(pair[1]))
            let seed: Comment = "seed \(random.seed)"
            #expect(pair[0].addingSaturated(pair[1]) == Int64(clamping: a + b), seed)
            #expect(pair[0].subtractingSaturated(pair[1]) == Int64(clamping: a - b), seed)
            #expect(pair[0].multipliedSaturated(by: pair[1]) == Int64(clamping: a * b), seed)
            let (c, d) = (UInt64(bitPattern: pair[0]), UInt64(bitPattern: pair[1]))
            #expect(c.addingSaturated(d) == UInt64(clamping: UInt128(c) + UInt128(d)), seed)
            #expect(c.subtractingSaturated(d) == (c < d ? 0 : c - d), seed)
            #expect(c.multipliedSaturated(by: d) == UInt64(clamping: UInt128(c) * UInt128(d)), seed)
        }
    }

    @Test(arguments: [
        (Double.nan, 0), (.infinity, Int.max), (-.infinity, .min), (1e300, .max), (-1e300, .min), (2.9, 2),
        (-2.9, -2), (9.3e18, .max),
    ])
    func aFractionBecomesTheNearestNumber(value: Double, expected: Int) {
        #expect(Int(saturating: value) == expected)
    }

    /// tmpfs keeps any second that there is a number for; other file systems round to what they have.
    @Test(arguments: edges)
    func aFileOfAnyDateHasATime(seconds: Int64) throws {
        let folder = TemporaryFolder(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
        let path = try folder.write([1], "file")
        let times = [timespec(tv_sec: Int(seconds), tv_nsec: 999_999_999), timespec(tv_sec: 0, tv_nsec: 0)]
        let order = [times[1], times[0]]
        guard path.withPlatformString({ utimensat(AT_FDCWD, $0, order, 0) }) == 0 else { return }
        var raw = stat()
        try #require(path.withPlatformString { stat($0, &raw) } == 0)
        let exact = Int128(raw.st_mtim.tv_sec) * 1_000_000_000 + Int128(raw.st_mtim.tv_nsec)
        let status = try #require(try FileSystem.status(path))
        #expect(status.modified == Int64(clamping: exact))
        #expect(status.changed > 1_500_000_000 * WallTime.second)
    }

    @Test func aTimeThatIsSetIsTheTimeThatIsRead() throws {
        let folder = TemporaryFolder(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
        let path = try folder.write([1], "file")
        let file = try OpenFile.forUpdating(path, direct: false)
        var random = SeededGenerator()
        for time in Self.edges + (0..<200).map({ _ in Int64(bitPattern: random.next()) }) {
            let moment = WallTime.timespec(time)
            #expect((0..<1_000_000_000).contains(moment.tv_nsec))
            #expect(WallTime.nanoseconds(moment) == time)
            try file.setModified(time)
            let read = try file.status().modified
            // A file system that has no such second takes the nearest.
            #expect(read == time || abs(time / WallTime.second) > 1 << 31, "\(time) seed \(random.seed)")
        }
    }

    @Test(arguments: [
        ("0", 0), ("17", 17), ("1K", 1024), ("1.5G", 3 << 29), ("1.2G", 1_288_490_188), ("0.5KiB", 512),
        ("2MiB", 2 << 20), ("3GiB", 3 << 30), ("1.25MB", 1_250_000), ("0.000000001GB", 1), ("2.9", 2),
        ("9223372036854775807", UInt64(Int64.max)), ("8589934591G", 8_589_934_591 << 30),
        ("8589934591.999999999G", UInt64(Int64.max) - 1),
        ("000000000000000000000000001", 1),
    ])
    func aSizeIsANumberAndAUnit(text: String, bytes: UInt64) {
        #expect(ByteCount(text)?.bytes == bytes)
        #expect(ByteCount(ofShard: text)?.bytes == bytes)
    }

    @Test(arguments: [
        "", "G", ".5G", "1.G", "1..5G", "1.5.5G", "-1", "+1", " 1", "1 G", "1g", "1kb", "1TB", "1e9", "0x10",
        "١G", "9223372036854775808", "8589934592G", "8589934591.9999999999G", "18446744073709551616",
        "1.0000000001G", "nan", "inf",
    ])
    func whatIsNoSizeIsRefused(text: String) {
        #expect(ByteCount(text) == nil)
        #expect(ByteCount(ofShard: text) == nil)
    }

    @Test func aBillionBytesAreASizeOfShardsAlone() {
        #expect(ByteCount("5B") == nil)
        #expect(ByteCount(ofShard: "5B")?.bytes == 5_000_000_000)
        #expect(ByteCount(ofShard: "0.5B")?.bytes == 500_000_000)
    }

    /// What a message says can be pasted back, and is what was meant.
    @Test func aSizeThatIsWrittenIsReadAsTheSame() throws {
        var random = SeededGenerator()
        for _ in 0..<20_000 {
            let unit = [1, 1000, 1024, 1 << 20, 1_000_000, 1 << 30].randomElement(using: &random)!
            let count = (random.next() >> UInt64.random(in: 1..<64, using: &random)) / UInt64(unit)
            let bytes = count * UInt64(unit)
            let text = ByteCount(bytes).description
            #expect(ByteCount(text)?.bytes == bytes, "\(text) seed \(random.seed)")
            #expect(text.count <= "\(bytes)".count)
            #expect(ByteCount.wholeMebibytes(for: bytes).bytes >= bytes)
            #expect(ByteCount.wholeMebibytes(within: bytes).bytes <= bytes)
        }
        #expect(ByteCount(1280 << 20).description == "1280M")
        #expect(ByteCount(5_000_000_000).description == "5GB")
        #expect(ByteCount(1 << 30).description == "1G")
    }
}
