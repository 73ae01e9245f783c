import Glibc
import SystemPackage
import Testing

@testable import StreamIO

@Suite(.enabled(if: IOEngineKind.tested.contains(.uring))) struct RingTests {
    @Test func refusesOperationsItHasNoUseFor() throws {
        let ring = try Ring(entries: 4)
        ring.prepareForbidden(tag: 7)
        ring.submit()
        let result = ring.wait(timeout: 1_000_000_000)
        #expect(result >= 0)
        let taken = ring.takeCompletion()
        let completion = try #require(taken)
        #expect(completion.tag == 7 && completion.result == -Int(EACCES))
    }

    /// RLIMIT_MEMLOCK, which Swift's Glibc module leaves out.
    private static let lockedMemory = __rlimit_resource_t(8)

    /// Reads a file over and over through an arena of 1 MiB.
    private static func readThrice(_ path: FilePath, _ arena: borrowing Arena) throws -> UringEngine {
        let engine = try UringEngine(queueDepth: 4, arena: arena)
        let file = try OpenFile.forReading(path, direct: true)
        for round in 0..<3 {
            let requests = (0..<4).map { number in
                IORequest(
                    .read, file: file.reference, offset: UInt64(number << 18),
                    buffer: arena.slice(offset: number << 18, count: 1 << 18), token: UInt64(number))
            }
            for request in requests { request.buffer.initializeMemory(as: UInt8.self, repeating: 0) }
            let completions = try engine.run(requests)
            guard completions.values.allSatisfy({ $0.bytes == 1 << 18 && $0.errorNumber == 0 }),
                requests.allSatisfy({ $0.buffer.allSatisfy { $0 == 7 } })
            else { throw IOError("round \(round)", path, .ioError) }
        }
        return engine
    }

    /// Whether this process may lock so many bytes: by its limit, or by CAP_IPC_LOCK, which a container's root has not.
    private static func mayLock(_ byteCount: UInt) throws -> Bool {
        var limit = rlimit()
        getrlimit(lockedMemory, &limit)
        if limit.rlim_cur >= byteCount { return true }
        let status = String(
            decoding: try FileSystem.readWhole("/proc/self/status", limit: 1 << 16), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
        let rights = try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
        return rights >> 14 & 1 == 1
    }

    @Test func registersTheArenaOnceItIsUsedThroughTwice() throws {
        let folder = TemporaryFolder()
        let path = try folder.write([UInt8](repeating: 7, count: 1 << 20), "data")
        let arena = try Arena(byteCount: 1 << 20)
        let engine = try Self.readThrice(path, arena)
        if try Self.mayLock(16 << 20) { #expect(engine.pieces.isRegistered == [true]) }
        // Memory outside the arena does as well.
        let other = try Arena(byteCount: 4096)
        let file = try OpenFile.forReading(path, direct: true)
        let completions = try engine.run([
            IORequest(
                .read, file: file.reference, offset: 0, buffer: other.slice(offset: 0, count: 4096), token: 1)
        ])
        #expect(completions[1]?.bytes == 4096 && other.slice(offset: 4095, count: 1)[0] == 7)
    }

    @Test func registersNoMemoryThatWasNeverUsed() throws {
        let folder = TemporaryFolder()
        let path = try folder.write([UInt8](repeating: 7, count: 2 << 20), "data")
        let arena = try Arena(byteCount: 64 << 20)
        let engine = try UringEngine(queueDepth: 1, arena: arena)
        let file = try OpenFile.forReading(path, direct: true)
        func read(intoUnit unit: Int) throws -> UInt8 {
            let buffer = arena.slice(offset: unit << 21, count: 2 << 20)
            let request = IORequest(.read, file: file.reference, offset: 0, buffer: buffer, token: 1)
            #expect(try engine.run([request])[1]?.bytes == 2 << 20)
            return buffer[(2 << 20) - 1]
        }
        // Twice the arena's size through its first 34 MiB: two whole pieces, and a part of the third.
        for number in 0..<65 { #expect(try read(intoUnit: number % 17) == 7) }
        if try Self.mayLock(64 << 20) {
            #expect(engine.pieces.isRegistered == [true, true, false, false])
        }
        for unit in [0, 15, 16, 31] { #expect(try read(intoUnit: unit) == 7) }
    }

    /// In a process of its own, which may lock that many bytes and has no rights beyond: what `body` says of an
    /// arena of 1 MiB and a file of as much.
    private static func runUnprivileged(
        _ path: String, lockable: UInt, _ body: (FilePath, borrowing Arena) throws -> Bool
    ) -> Never {
        var limit = rlimit(rlim_cur: lockable, rlim_max: lockable)
        guard setrlimit(lockedMemory, &limit) == 0 else { exit(100) }
        // Root may lock memory whatever the limit.
        if geteuid() == 0, setgroups(0, nil) != 0 || setgid(65_534) != 0 || setuid(65_534) != 0 { exit(101) }
        do {
            exit(try body(FilePath(path), try Arena(byteCount: 1 << 20)) ? 0 : 102)
        } catch let error as IOError {
            exit(error.errno.rawValue)
        } catch {
            exit(103)
        }
    }

    private static func makeReadableFile(_ folder: borrowing TemporaryFolder) throws -> String {
        try folder.write([UInt8](repeating: 7, count: 1 << 20), "data")
        try #require(chmod(folder.path.string, 0o755) == 0)
        return folder.file("data").string
    }

    @Test func readsWithoutTheRightToLockTheArena() async throws {
        let folder = TemporaryFolder(in: "/tmp")
        let path = try Self.makeReadableFile(folder)
        await #expect(processExitsWith: .success) { [path = path as String] in
            RingTests.runUnprivileged(path, lockable: 512 << 10) { path, arena in
                try !RingTests.readThrice(path, arena).pieces.isRegistered.contains(true)
            }
        }
    }

    @Test func withoutTheRightToLockAnythingAutoSaysSoAndTakesThreads() async throws {
        let folder = TemporaryFolder(in: "/tmp")
        let path = try Self.makeReadableFile(folder)
        await #expect(processExitsWith: .success) { [path = path as String] in
            RingTests.runUnprivileged(path, lockable: 0) { _, arena in
                var lines: [String] = []
                let engine = try makeEngine(.auto, queueDepth: 4, arena: arena) { lines.append($0) }
                // Some kernels count the memory of the ring itself.
                return engine.name == "io_uring"
                    ? lines.isEmpty : lines.count == 1 && lines[0].contains("ulimit -l")
            }
        }
    }

    @Test func saysWhatStandsInTheWay() {
        #expect(RingObstacle.cause(EPERM, sysctl: "2").contains("kernel.io_uring_disabled=2"))
        #expect(RingObstacle.cause(EPERM, sysctl: "1").contains("io_uring_group"))
        #expect(RingObstacle.cause(EPERM, sysctl: "0").contains("seccomp"))
        #expect(RingObstacle.cause(EPERM, sysctl: nil).contains("seccomp"))
        #expect(RingObstacle.cause(ENOSYS, sysctl: nil).contains("Linux 5.11"))
        #expect(RingObstacle.cause(ENOMEM, sysctl: "0").contains("ulimit -l"))
        #expect(RingObstacle.error(EPERM).errno == .notPermitted)
    }
}
