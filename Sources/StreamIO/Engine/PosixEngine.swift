import CLinux
import Glibc
import SystemPackage

/// Transfers by `pread`, `pwrite` and `fdatasync` on a few threads of its own.
final class PosixEngine: IOEngine, @unchecked Sendable {
    /// The most threads; a disk's queue needs no more, and each costs a stack.
    static let threadLimit = 8
    /// Of a thread's stack, in bytes.
    static let stackSize = 256 << 10

    let name = "posix"
    let queueDepth: Int
    private(set) var pending = 0
    private let queue: TransferQueue
    private var threads: [pthread_t] = []

    init(queueDepth: Int) throws(IOError) {
        precondition(queueDepth > 0, "an engine makes at least one transfer at a time")
        self.queueDepth = queueDepth
        queue = TransferQueue(capacity: queueDepth)
        for _ in 0..<min(queueDepth, Self.threadLimit) {
            do throws(IOError) {
                threads.append(try Self.startThread(queue))
            } catch {
                // Fewer threads are slower, none are of no use.
                if threads.isEmpty { throw error }
                break
            }
        }
    }

    deinit {
        queue.close()
        for thread in threads { pthread_join(thread, nil) }
    }

    func submit(_ request: IORequest) {
        precondition(pending < queueDepth, "more than \(queueDepth) transfers")
        request.checkAlignment()
        pending += 1
        let fault = request.reachFault()
        if fault == 0 {
            queue.put(request)
        } else {
            queue.complete(IOCompletion(token: request.token, bytes: 0, errorNumber: fault))
        }
    }

    func wait(_ completions: inout [IOCompletion], timeout: UInt64?) throws(IOError) {
        let before = completions.count
        queue.waitForCompletions(&completions, deadline: MonotonicClock.deadline(timeout))
        pending -= completions.count - before
    }

    func wake() { queue.wake() }

    private static func startThread(_ queue: TransferQueue) throws(IOError) -> pthread_t {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackSize)
        // Signals are for the threads that wait for them. Those of a crash stay with the thread that crashed, for
        // blocked ones end the process without their handler.
        var blocked = sigset_t()
        var before = sigset_t()
        sigfillset(&blocked)
        for crash in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT] { sigdelset(&blocked, crash) }
        pthread_sigmask(SIG_SETMASK, &blocked, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(queue)
        let number = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let queue = Unmanaged<TransferQueue>.fromOpaque(context).takeRetainedValue()
                while let request = queue.take() { queue.complete(PosixEngine.perform(request)) }
                return nil
            }, context.toOpaque())
        guard number == 0 else {
            context.release()
            throw IOError("start an I/O thread", "", Errno(rawValue: number))
        }
        return thread
    }

    /// Makes a whole transfer.
    static func perform(_ request: IORequest) -> IOCompletion {
        var transfer = Transfer(request)
        while true {
            if let completion = transfer.resolve(call(transfer.step, request.file.descriptor)) {
                return completion
            }
        }
    }

    /// Makes one call. Its result, or the error number, negative.
    private static func call(_ step: Transfer.Step, _ descriptor: Int32) -> Int {
        let result =
            switch step {
            case .read(let buffer, let offset):
                pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            case .write(let buffer, let offset):
                pwrite(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            case .sync: Int(fdatasync(descriptor))
            case .flush(let from, let count):
                Int(dellad_sync_file_range(descriptor, Int64(from), Int64(count), 1))
            case .drop(let from, let count):
                // Returns its error number, which does not matter.
                Int(posix_fadvise(descriptor, off_t(from), off_t(count), POSIX_FADV_DONTNEED)) * 0
            }
        return result < 0 ? -Int(Glibc.errno) : result
    }
}
