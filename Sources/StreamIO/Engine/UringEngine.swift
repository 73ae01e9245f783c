import Glibc
import SystemPackage

/// Transfers by io_uring, submitted at once and completed by the kernel without a thread of ours.
///
/// What is in use of the arena is registered with the ring, where the limit on locked memory allows it, once as
/// many bytes went through it as it has, twice over, or 1 GiB. It takes 2 ms a GiB of pages that are in use, and
/// saves, of each GB transferred, 2 ms of processor time in huge pages and 40 ms in small ones.
final class UringEngine: IOEngine, @unchecked Sendable {
    /// The tag of the poll that ends a wait; transfers have their slot's number.
    private static let wakeTag = UInt64.max
    /// How often in a row the kernel may refuse, for now, to take the queue.
    private static let refusalLimit = SystemCall.retryLimit

    /// Bytes after which the arena is registered however large it is.
    private static let registrationLimit = 1 << 30

    let name = "io_uring"
    let queueDepth: Int
    private(set) var pending = 0
    /// What of the arena is registered.
    private(set) var pieces: RegisteredPieces
    private let arena: UnsafeMutableRawBufferPointer
    /// Bytes still to go until the arena is registered; `nil` once it was tried.
    private var bytesUntilRegistration: Int?
    private let ring: Ring
    private let signal: WakeSignal
    private var slots: [Transfer?]
    private var freeSlots: [Int]
    /// Over before they were submitted: planned faults.
    private var ready: [IOCompletion] = []
    private var isWoken = false

    init(queueDepth: Int, arena: borrowing Arena) throws(IOError) {
        precondition(queueDepth > 0, "an engine makes at least one transfer at a time")
        self.queueDepth = queueDepth
        self.arena = arena.slice(offset: 0, count: arena.byteCount)
        pieces = RegisteredPieces(self.arena)
        bytesUntilRegistration = min(arena.byteCount, Self.registrationLimit / 2) * 2
        // A slot has one operation in the ring at a time; one more waits for the wake signal. The kernel rounds
        // up to a power of two and makes twice as much room for completions, so these cannot overflow.
        ring = try Ring(entries: queueDepth + 1)
        signal = try WakeSignal()
        slots = Array(repeating: nil, count: queueDepth)
        freeSlots = Array((0..<queueDepth).reversed())
        ready.reserveCapacity(queueDepth)
        ring.prepareReadable(signal.descriptor, tag: Self.wakeTag)
        ring.submit()
    }

    deinit {
        // The kernel may still be writing into buffers that their owner is about to free.
        while freeSlots.count < queueDepth {
            let result = ring.wait(timeout: nil)
            if result < 0, ![EINTR, EAGAIN, EBUSY].contains(-result) { break }
            while let completion = ring.takeCompletion() {
                if completion.tag != Self.wakeTag { freeSlots.append(Int(completion.tag)) }
            }
        }
    }

    func submit(_ request: IORequest) {
        precondition(pending < queueDepth, "more than \(queueDepth) transfers")
        request.checkAlignment()
        pending += 1
        let fault = request.reachFault()
        guard fault == 0 else {
            ready.append(IOCompletion(token: request.token, bytes: 0, errorNumber: fault))
            return
        }
        registerOnceUsed(request.buffer)
        let slot = freeSlots.removeLast()
        let transfer = Transfer(request)
        slots[slot] = transfer
        prepare(transfer, slot)
        ring.submit()
    }

    private func prepare(_ transfer: Transfer, _ slot: Int) {
        ring.prepare(
            transfer.step, transfer.request.file.descriptor,
            piece: pieces.piece(holding: transfer.request.buffer), tag: UInt64(slot))
    }

    /// Counts bytes submitted, and registers what is in use when its time has come.
    private func registerOnceUsed(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let left = bytesUntilRegistration else { return }
        pieces.use(buffer)
        bytesUntilRegistration = left > buffer.count ? left - buffer.count : nil
        guard bytesUntilRegistration == nil else { return }
        let used = pieces.used
        guard used.contains(true) else {
            // Much went through a few buffers. Others may come.
            bytesUntilRegistration = Self.registrationLimit
            return
        }
        if ring.register(arena, size: pieces.size, wanted: used) { pieces.note(used) }
    }

    func wait(_ completions: inout [IOCompletion], timeout: UInt64?) throws(IOError) {
        let before = completions.count
        let deadline = MonotonicClock.deadline(timeout)
        var refusals = 0
        completions.append(contentsOf: ready)
        ready.removeAll(keepingCapacity: true)
        while true {
            collect(&completions)
            if completions.count > before || isWoken { break }
            let now = MonotonicClock.now
            if let deadline, deadline <= now { break }
            let result = ring.wait(timeout: deadline.map { $0 - now })
            switch -result {
            case EAGAIN, EBUSY:
                refusals += 1
                guard refusals <= Self.refusalLimit else {
                    throw IOError("io_uring_enter", "", Errno(rawValue: -result))
                }
            case EINTR, ETIME:
                break
            default:
                guard result >= 0 else { throw IOError("io_uring_enter", "", Errno(rawValue: -result)) }
                refusals = 0
            }
        }
        isWoken = false
        pending -= completions.count - before
        if ring.hasUnsubmitted { ring.submit() }
    }

    func wake() { signal.raise() }

    /// Takes what the kernel has finished: completions to the caller, next steps back to the kernel.
    private func collect(_ completions: inout [IOCompletion]) {
        while let finished = ring.takeCompletion() {
            if finished.tag == Self.wakeTag {
                signal.lower()
                isWoken = true
                ring.prepareReadable(signal.descriptor, tag: Self.wakeTag)
                continue
            }
            let slot = Int(finished.tag)
            guard var transfer = slots[slot] else { preconditionFailure("completion of a free slot") }
            if let completion = transfer.resolve(finished.result) {
                slots[slot] = nil
                freeSlots.append(slot)
                completions.append(completion)
            } else {
                slots[slot] = transfer
                prepare(transfer, slot)
            }
        }
        if ring.hasUnsubmitted { ring.submit() }
    }
}
