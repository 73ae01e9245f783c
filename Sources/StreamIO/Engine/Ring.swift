import CLinux
import Glibc
import SystemPackage

/// Owns one io_uring: its memory, shared with the kernel, and its descriptor. Used by one thread at a time.
///
/// The ring is restricted by the kernel to the operations of `Transfer` and a poll, before it is enabled: nobody who gets
/// hold of the descriptor can make it do anything else.
struct Ring: ~Copyable {
    /// One finished operation.
    struct Completion {
        /// What was given to `prepare`.
        var tag: UInt64
        /// Bytes, or the error number, negative.
        var result: Int
    }

    private let ring: OpaquePointer

    /// Sets a ring up for that many operations at once.
    ///
    /// - Throws: an error whose words say what on this host stands in the way.
    init(entries: Int) throws(IOError) {
        var made: OpaquePointer?
        let number = dellad_ring_create(UInt32(entries), &made)
        guard number == 0, let made else { throw RingObstacle.error(-number) }
        ring = made
    }

    deinit { dellad_ring_destroy(ring) }

    /// Registers pieces of memory of `size` bytes each, which stay pinned and mapped for as long as the ring lives:
    /// those that are `wanted`. `false` where the host's limit on locked memory, or its kernel, refuses.
    func register(_ memory: UnsafeMutableRawBufferPointer, size: Int, wanted: [Bool]) -> Bool {
        wanted.withUnsafeBufferPointer { flags in
            dellad_ring_register(
                ring, memory.baseAddress, UInt64(memory.count), UInt64(size), flags.baseAddress,
                UInt32(flags.count)) == 0
        }
    }

    /// Puts a call of a transfer into the queue.
    ///
    /// - Parameter piece: the registered piece in which the memory of a read or write lies, if one does.
    /// - Precondition: less than `entries` operations are in the queue.
    func prepare(_ step: Transfer.Step, _ descriptor: Int32, piece: Int?, tag: UInt64) {
        let piece = piece.map(Int32.init) ?? -1
        // Ranges are 32 bits wide here, and 0 would mean the rest of the file; a longer range than 4 GiB loses
        // its end, which costs page cache and nothing else.
        let isPut =
            switch step {
            case .read(let buffer, let offset):
                dellad_ring_read(
                    ring, descriptor, buffer.baseAddress, UInt32(buffer.count), offset, piece, tag)
            case .write(let buffer, let offset):
                dellad_ring_write(
                    ring, descriptor, buffer.baseAddress, UInt32(buffer.count), offset, piece, tag)
            case .sync: dellad_ring_sync(ring, descriptor, tag)
            case .flush(let from, let count):
                dellad_ring_flush(ring, descriptor, from, UInt32(clamping: count), tag)
            case .drop(let from, let count):
                dellad_ring_drop(ring, descriptor, from, UInt32(clamping: count), tag)
            }
        precondition(isPut == 1, "the ring's queue is full")
    }

    /// Puts a wait for a readable descriptor into the queue.
    func prepareReadable(_ descriptor: Int32, tag: UInt64) {
        precondition(dellad_ring_poll(ring, descriptor, tag) == 1, "the ring's queue is full")
    }

    /// Puts an operation that the ring may not do into the queue; for the test that says so.
    func prepareForbidden(tag: UInt64) { _ = dellad_ring_forbidden(ring, tag) }

    /// Whether there are operations in the queue that the kernel has not taken.
    var hasUnsubmitted: Bool { dellad_ring_unsubmitted(ring) > 0 }

    /// Hands the queue to the kernel. What it does not take for now, `wait` hands over again.
    func submit() { _ = dellad_ring_submit(ring) }

    /// Hands the queue to the kernel and waits for one completion, at most `timeout` nanoseconds. 0 or more, or
    /// the error number, negative: `ETIME` at the end of the time.
    func wait(timeout: UInt64?) -> Int32 {
        dellad_ring_wait(ring, timeout.map { Int64(clamping: $0) } ?? -1)
    }

    /// The next finished operation, if there is one.
    func takeCompletion() -> Completion? {
        var tag: UInt64 = 0
        var result: Int32 = 0
        guard dellad_ring_take(ring, &tag, &result) == 1 else { return nil }
        return Completion(tag: tag, result: Int(result))
    }
}
