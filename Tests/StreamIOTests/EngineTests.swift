import Glibc
import SystemPackage
import Testing

@testable import StreamIO

/// Where and how an engine is tested.
struct EngineCase: Sendable, CustomTestStringConvertible {
    let kind: IOEngineKind
    let isDirect: Bool
    /// The folder that temporary folders go to.
    let parent: String

    var testDescription: String { "\(kind) \(isDirect ? "direct" : "buffered") in \(parent)" }

    static let all: [EngineCase] = IOEngineKind.tested.flatMap { kind in
        [true, false].flatMap { isDirect in
            ["/tmp", "/dev/shm"].map { EngineCase(kind: kind, isDirect: isDirect, parent: $0) }
        }
    }
}

extension IOEngineKind {
    /// The engines that this host has. Only a host that forbids io_uring, or knows none, is spared its tests.
    static let tested: [IOEngineKind] = {
        do throws(IOError) {
            _ = try Ring(entries: 1)
        } catch {
            if [.notPermitted, .noFunction].contains(error.errno) {
                print("tests of the ring are left out: \(error)")
                return [.posix]
            }
        }
        return [.uring, .posix]
    }()
}

extension IOEngine {
    /// Submits, and waits until all that is pending is complete, by token.
    func run(_ requests: [IORequest]) throws -> [UInt64: IOCompletion] {
        var all: [IOCompletion] = []
        for request in requests {
            while pending == queueDepth { try wait(&all, timeout: nil) }
            submit(request)
        }
        while pending > 0 { try wait(&all, timeout: nil) }
        return Dictionary(uniqueKeysWithValues: all.map { ($0.token, $0) })
    }
}

@Suite struct EngineTests {
    static let fileSize = 3 * 65_536 + 1_234

    private func makeFile(_ folder: borrowing TemporaryFolder, _ bytes: [UInt8]) throws -> FilePath {
        try folder.write(bytes, "data")
    }

    @Test(arguments: EngineCase.all)
    func readsAnyRangeUpToTheEndOfTheFile(_ engineCase: EngineCase) throws {
        var generator = SeededGenerator()
        print("seed \(generator.seed)")
        let folder = TemporaryFolder(in: engineCase.parent)
        let bytes = generator.bytes(Self.fileSize)
        let path = try makeFile(folder, bytes)
        let arena = try Arena(byteCount: 4 << 20)
        let engine = try makeEngine(engineCase.kind, queueDepth: 8, arena: arena) { _ in }
        let file = try OpenFile.forReading(path, direct: engineCase.isDirect)

        let step = file.reference.isDirect ? 4096 : 1
        let ranges: [(offset: Int, count: Int)] =
            (0..<40).map { _ in
                let offset = Int.random(in: 0..<Self.fileSize, using: &generator) / step * step
                let count = Int.random(in: 1...90_000, using: &generator)
                return (offset, (count + step - 1) / step * step)
            } + [(196_608, 4096), (0, 4096 * 60), (4096 * 60, 8192)]
        for batch in stride(from: 0, to: ranges.count, by: 8) {
            let slice = Array(ranges[batch..<min(batch + 8, ranges.count)])
            let requests = slice.enumerated().map { index, range in
                IORequest(
                    .read, file: file.reference, offset: UInt64(range.offset),
                    buffer: arena.slice(offset: index << 18, count: range.count), token: UInt64(index))
            }
            let completions = try engine.run(requests)
            for (index, range) in slice.enumerated() {
                let expected = bytes[
                    min(range.offset, bytes.count)..<min(range.offset + range.count, bytes.count)]
                let completion = try #require(completions[UInt64(index)])
                #expect(completion.errorNumber == 0)
                try #require(completion.bytes >= expected.count, "\(range)")
                #expect(completion.bytes == expected.count)
                #expect(requests[index].buffer[..<expected.count].elementsEqual(expected), "\(range)")
            }
        }
    }

    @Test(arguments: EngineCase.all)
    func writesBlocksAndCutsTheFileToItsExactLength(_ engineCase: EngineCase) throws {
        var generator = SeededGenerator()
        print("seed \(generator.seed)")
        let folder = TemporaryFolder(in: engineCase.parent)
        let path = folder.file("written")
        let arena = try Arena(byteCount: 4 << 20)
        let length = 1_000_003
        let block = 65_536
        let blocks = (length + block - 1) / block
        let bytes = generator.bytes(blocks * block)
        let whole = arena.slice(offset: 0, count: bytes.count)
        whole.copyBytes(from: bytes)
        do {
            let engine = try makeEngine(engineCase.kind, queueDepth: 4, arena: arena) { _ in }
            let file = try OpenFile.creating(path, direct: engineCase.isDirect)
            try file.reserve(UInt64(length))
            let order = (0..<blocks).shuffled(using: &generator)
            let completions = try engine.run(
                order.map { number in
                    IORequest(
                        .write, file: file.reference, offset: UInt64(number * block),
                        buffer: arena.slice(offset: number * block, count: block), token: UInt64(number))
                })
            #expect(completions.values.allSatisfy { $0.bytes == block && $0.errorNumber == 0 })
            try file.truncate(to: UInt64(length))
            let empty = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            let sync = try engine.run([
                IORequest(.sync, file: file.reference, offset: 0, buffer: empty, token: 77)
            ])
            #expect(sync[77]?.errorNumber == 0)
        }
        #expect(try FileSystem.readWhole(path, limit: 2 << 20) == Array(bytes[..<length]))
    }

    @Test(arguments: IOEngineKind.tested)
    func errorsComeBackWithTheTokenOfTheirRequest(_ kind: IOEngineKind) throws {
        let folder = TemporaryFolder()
        let path = try makeFile(folder, [1, 2, 3])
        let arena = try Arena(byteCount: 1 << 20)
        let engine = try makeEngine(kind, queueDepth: 2, arena: arena) { _ in }
        let file = try OpenFile.forReading(path, direct: false)
        let buffer = arena.slice(offset: 0, count: 100)
        let completions = try engine.run([
            IORequest(.write, file: file.reference, offset: 0, buffer: buffer, token: 1),
            IORequest(.read, file: file.reference, offset: 0, buffer: buffer, token: 2),
            IORequest(
                .read, file: .init(descriptor: 9_999, isDirect: false), offset: 0, buffer: buffer, token: 3),
            IORequest(.read, file: file.reference, offset: 500, buffer: buffer, token: 4),
        ])
        #expect(completions[1]?.errorNumber == EBADF)
        #expect(completions[2]?.bytes == 3 && completions[2]?.errorNumber == 0)
        #expect(completions[3]?.errorNumber == EBADF)
        #expect(completions[4]?.bytes == 0 && completions[4]?.errorNumber == 0)
    }

    @Test(arguments: IOEngineKind.tested)
    func wakeEndsAWaitUnderWayAndTheNextOne(_ kind: IOEngineKind) throws {
        let arena = try Arena(byteCount: 4096)
        let engine = try makeEngine(kind, queueDepth: 1, arena: arena) { _ in }
        var completions: [IOCompletion] = []
        // Before the wait, more than once: one wait ends.
        engine.wake()
        engine.wake()
        try engine.wait(&completions, timeout: nil)
        // From another thread, often: none is lost, or this would never end.
        for _ in 0..<200 {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(engine as AnyObject)
            let number = pthread_create(
                &thread, nil,
                { context in
                    let engine = Unmanaged<AnyObject>.fromOpaque(context!).takeRetainedValue()
                    (engine as? any IOEngine)?.wake()
                    return nil
                }, context.toOpaque())
            try #require(number == 0)
            try engine.wait(&completions, timeout: nil)
            pthread_join(thread, nil)
        }
        #expect(completions.isEmpty)
    }

    @Test(arguments: IOEngineKind.tested)
    func waitReturnsAtItsTimeout(_ kind: IOEngineKind) throws {
        let arena = try Arena(byteCount: 4096)
        let engine = try makeEngine(kind, queueDepth: 1, arena: arena) { _ in }
        var completions: [IOCompletion] = []
        let start = MonotonicClock.now
        try engine.wait(&completions, timeout: 30_000_000)
        let passed = MonotonicClock.now - start
        #expect(passed >= 30_000_000 && completions.isEmpty)
        try engine.wait(&completions, timeout: 0)
    }

    @Test(arguments: IOEngineKind.tested)
    func takesAsManyTransfersAsItsQueueIsDeep(_ kind: IOEngineKind) throws {
        let folder = TemporaryFolder()
        let bytes = (0..<256 * 4096).map { UInt8(truncatingIfNeeded: $0 >> 12) }
        let path = try makeFile(folder, bytes)
        let arena = try Arena(byteCount: bytes.count)
        let engine = try makeEngine(kind, queueDepth: 256, arena: arena) { _ in }
        let file = try OpenFile.forReading(path, direct: true)
        for round in 0..<5 {
            for number in 0..<256 {
                engine.submit(
                    IORequest(
                        .read, file: file.reference, offset: UInt64(number * 4096),
                        buffer: arena.slice(offset: number * 4096, count: 4096), token: UInt64(number)))
            }
            #expect(engine.pending == 256)
            var completions: [IOCompletion] = []
            while engine.pending > 0 { try engine.wait(&completions, timeout: nil) }
            #expect(Set(completions.map(\.token)) == Set(0..<256), "round \(round)")
            #expect(arena.slice(offset: 0, count: bytes.count).elementsEqual(bytes))
        }
    }

    @Test(arguments: IOEngineKind.tested)
    func goesAwayWithTransfersUnderWay(_ kind: IOEngineKind) throws {
        let folder = TemporaryFolder()
        let path = try makeFile(folder, [UInt8](repeating: 1, count: 1 << 20))
        let arena = try Arena(byteCount: 1 << 20)
        let engine = try makeEngine(kind, queueDepth: 16, arena: arena) { _ in }
        let file = try OpenFile.forReading(path, direct: true)
        for number in 0..<16 {
            engine.submit(
                IORequest(
                    .read, file: file.reference, offset: UInt64(number << 16),
                    buffer: arena.slice(offset: number << 16, count: 1 << 16), token: UInt64(number)))
        }
    }

    @Test func autoTakesTheRingWhereThereIsOne() throws {
        let arena = try Arena(byteCount: 4096)
        var lines: [String] = []
        let engine = try makeEngine(.auto, queueDepth: 1, arena: arena) { lines.append($0) }
        #expect(engine.name == "io_uring" ? lines.isEmpty : lines.count == 1)
    }
}
