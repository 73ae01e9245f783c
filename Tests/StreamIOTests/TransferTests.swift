import Glibc
import SystemPackage
import Testing

@testable import StreamIO

/// The rules of both engines, against a kernel that answers as each test likes.
@Suite struct TransferTests {
    static func request(
        _ operation: IORequest.Operation, count: Int, at offset: UInt64 = 0, isDirect: Bool = false,
        descriptor: Int32 = -1
    ) -> IORequest {
        // Never touched.
        let memory = UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: 4096), count: count)
        return IORequest(
            operation, file: .init(descriptor: descriptor, isDirect: isDirect), offset: offset,
            buffer: memory,
            token: 5)
    }

    /// What a step asks for: letter, offset, count.
    static func text(_ step: Transfer.Step) -> String {
        switch step {
        case .read(let buffer, let offset): "read \(offset)+\(buffer.count)"
        case .write(let buffer, let offset): "write \(offset)+\(buffer.count)"
        case .sync: "sync"
        case .flush(let from, let count): "flush \(from)+\(count)"
        case .drop(let from, let count): "drop \(from)+\(count)"
        }
    }

    /// The steps made until the completion, given the kernel's answers.
    static func run(_ request: IORequest, _ answers: [Int], pageBytes: Int = 4096) throws -> (
        steps: [String], completion: IOCompletion
    ) {
        var transfer = Transfer(request, pageBytes: pageBytes)
        var steps: [String] = []
        for answer in answers {
            steps.append(text(transfer.step))
            if let completion = transfer.resolve(answer) { return (steps, completion) }
        }
        throw IOError("more answers wanted after \(steps)", "", .invalidArgument)
    }

    @Test func shortReadsGoOnWhereTheyStopped() throws {
        let (steps, completion) = try Self.run(Self.request(.read, count: 100, at: 7), [30, 60, 10, 0])
        #expect(steps == ["read 7+100", "read 37+70", "read 97+10", "drop 0+4096"])
        #expect(completion.bytes == 100 && completion.errorNumber == 0 && completion.token == 5)
    }

    @Test func shortDirectReadsGoOnAtABlock() throws {
        let (steps, completion) = try Self.run(
            Self.request(.read, count: 16_384, at: 4096, isDirect: true), [5000, 12_288])
        #expect(steps == ["read 4096+16384", "read 8192+12288"])
        #expect(completion.bytes == 16_384)
    }

    @Test func theEndOfTheFileEndsARead() throws {
        let direct = try Self.run(Self.request(.read, count: 16_384, isDirect: true), [5000, 904])
        #expect(direct.steps == ["read 0+16384", "read 4096+12288"])
        #expect(direct.completion.bytes == 5000)
        let buffered = try Self.run(Self.request(.read, count: 100), [40, 0, 0])
        #expect(buffered.steps == ["read 0+100", "read 40+60", "drop 0+4096"])
        #expect(buffered.completion.bytes == 40)
        let nothing = try Self.run(Self.request(.read, count: 100), [0])
        #expect(nothing.completion.bytes == 0 && nothing.completion.errorNumber == 0)
    }

    @Test func bufferedWritesAreFlushedAndDropped() throws {
        let (steps, completion) = try Self.run(
            Self.request(.write, count: 8192, at: 100), [4000, 4192, 0, 0])
        #expect(steps == ["write 100+8192", "write 4100+4192", "flush 0+12288", "drop 0+12288"])
        #expect(completion.bytes == 8192)
    }

    /// The kernel leaves a page that a range holds a part of.
    @Test(arguments: [(4096, "drop 69632+16384"), (16_384, "drop 65536+32768"), (65_536, "drop 65536+65536")])
    func whatIsDroppedIsWholePages(_ pageBytes: Int, _ drop: String) throws {
        let read = try Self.run(
            Self.request(.read, count: 16_000, at: 70_000), [16_000, 0], pageBytes: pageBytes)
        #expect(read.steps == ["read 70000+16000", drop])
        let write = try Self.run(
            Self.request(.write, count: 16_000, at: 70_000), [16_000, 0, 0], pageBytes: pageBytes)
        let flush = drop.replacing("drop", with: "flush")
        #expect(write.steps == ["write 70000+16000", flush, drop])
    }

    @Test func aWriteBackErrorIsTheWritesError() throws {
        let lost = try Self.run(Self.request(.write, count: 10), [10, -Int(EIO)])
        #expect(lost.completion.errorNumber == EIO)
        let refused = try Self.run(Self.request(.write, count: 10), [10, -Int(EINVAL), -Int(EINVAL)])
        #expect(refused.completion.errorNumber == 0 && refused.completion.bytes == 10)
    }

    @Test(arguments: [EINTR, EAGAIN, EBUSY])
    func callsRefusedForNowAreRepeatedUpToALimit(_ number: Int32) throws {
        let again = try Self.run(
            Self.request(.read, count: 10, isDirect: false),
            Array(repeating: -Int(number), count: 1000) + [10, 0])
        #expect(again.completion.bytes == 10 && again.steps.count == 1002)
        let never = try Self.run(Self.request(.sync, count: 0), Array(repeating: -Int(number), count: 1001))
        #expect(never.completion.errorNumber == number)
    }

    @Test func writesThatGetNowhereEndInAnError() throws {
        let (steps, completion) = try Self.run(
            Self.request(.write, count: 10), Array(repeating: 0, count: Transfer.retryLimit + 1))
        #expect(steps.count == Transfer.retryLimit + 1 && completion.errorNumber == EIO)
    }

    @Test func errorsEndATransfer() throws {
        for number in [EIO, ENOSPC, EDQUOT, EBADF, EINVAL] {
            let (_, completion) = try Self.run(Self.request(.write, count: 10), [-Int(number)])
            #expect(completion.errorNumber == number && completion.bytes == 0)
        }
    }

    @Test(arguments: [EINVAL, ENOTSUP])
    func aRefusedDirectTransferIsMadeAgainBuffered(_ refusal: Int32) throws {
        let folder = TemporaryFolder()
        let path = try folder.write([1], "file")
        let file = try OpenFile.forReading(path, direct: true)
        try #require(file.reference.isDirect)
        let request = Self.request(.read, count: 4096, isDirect: true, descriptor: file.reference.descriptor)
        let (steps, completion) = try Self.run(request, [-Int(refusal), 1, 0, 0])
        #expect(steps == ["read 0+4096", "read 0+4096", "read 1+4095", "drop 0+4096"])
        #expect(completion.bytes == 1 && completion.errorNumber == 0)
        // The descriptor reads at any address now.
        var byte: UInt8 = 0
        #expect(pread(file.reference.descriptor, &byte, 1, 0) == 1)
    }

    @Test func callsAreNoLongerThanTheKernelTakes() throws {
        let (steps, completion) = try Self.run(
            Self.request(.read, count: 3 << 30, isDirect: true), [1 << 30, 1 << 30, 1 << 30])
        #expect(steps == ["read 0+1073741824", "read 1073741824+1073741824", "read 2147483648+1073741824"])
        #expect(completion.bytes == 3 << 30)
    }
}
