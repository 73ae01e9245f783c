import Glibc
import SystemPackage

/// A transfer on its way: what is still to be done of a request, decided after each answer of the kernel.
///
/// Both engines make the call that `step` says and pass its result to `resolve` until the transfer is over. The
/// rules are here alone: continuing short transfers, retrying, the end of a file, falling back from direct I/O
/// and keeping the page cache empty.
struct Transfer {
    /// The next call to make.
    enum Step {
        case read(UnsafeMutableRawBufferPointer, at: UInt64)
        case write(UnsafeMutableRawBufferPointer, at: UInt64)
        /// `fdatasync`.
        case sync
        /// `sync_file_range`, waiting for the range.
        case flush(from: UInt64, count: UInt64)
        /// `posix_fadvise(DONTNEED)`.
        case drop(from: UInt64, count: UInt64)
    }

    private enum Stage {
        case move, flush, drop
    }

    /// The most bytes asked for in one call; the kernel's own limit is just below 2 GiB.
    static let stepLimit = 1 << 30
    /// How often a call that was interrupted, refused for now or made no progress is made again.
    static let retryLimit = SystemCall.retryLimit

    let request: IORequest
    private let pageBytes: Int
    private var isDirect: Bool
    private var stage = Stage.move
    /// Bytes of the buffer that are transferred.
    private var done = 0
    private var retries = 0

    /// - Parameter pageBytes: of the page cache, which drops whole pages only.
    init(_ request: IORequest, pageBytes: Int = MemoryPage.byteCount) {
        self.request = request
        self.pageBytes = pageBytes
        isDirect = request.file.isDirect
    }

    /// How far the next call starts into the buffer: direct calls start on a block, so that after a short one
    /// the last, partial block is transferred again.
    private var position: Int { isDirect ? done & ~(OpenFile.directAlignment - 1) : done }

    /// The whole pages that the transfer touched.
    private var pages: (from: UInt64, count: UInt64) {
        let mask = UInt64(pageBytes - 1)
        let from = request.offset & ~mask
        return (from, (request.offset + UInt64(done) + mask) & ~mask - from)
    }

    var step: Step {
        switch stage {
        case .flush: return .flush(from: pages.from, count: pages.count)
        case .drop: return .drop(from: pages.from, count: pages.count)
        case .move: break
        }
        let count = min(request.buffer.count - position, Self.stepLimit)
        let rest = UnsafeMutableRawBufferPointer(rebasing: request.buffer[position..<position + count])
        return switch request.operation {
        case .read: .read(rest, at: request.offset + UInt64(position))
        case .write: .write(rest, at: request.offset + UInt64(position))
        case .sync: .sync
        }
    }

    /// Takes the result of `step`'s call: bytes transferred, or the error number, negative.
    ///
    /// - Returns: the completion, or `nil` where there is another step.
    mutating func resolve(_ result: Int) -> IOCompletion? {
        if result == -Int(EINTR) || result == -Int(EAGAIN) || result == -Int(EBUSY) {
            retries += 1
            return retries <= Self.retryLimit ? nil : completion(Int32(-result))
        }
        switch stage {
        case .drop:
            return completion(0)
        case .flush:
            // A write-back error is told once, so it must not be lost; that a file system cannot flush a range
            // is no error.
            let refusals = [EINVAL, ESPIPE, ENOSYS, ENOTSUP]
            if result < 0, !refusals.contains(Int32(-result)) { return completion(Int32(-result)) }
            stage = .drop
            return nil
        case .move:
            return result < 0 ? resolveError(Int32(-result)) : resolveMove(result)
        }
    }

    private mutating func resolveError(_ number: Int32) -> IOCompletion? {
        // Some FUSE servers and network file systems take the flag and refuse the transfer.
        guard number == EINVAL || number == ENOTSUP, isDirect, request.operation != .sync else {
            return completion(number)
        }
        OpenFile.setFlags(request.file.descriptor, direct: false)
        isDirect = false
        return nil
    }

    private mutating func resolveMove(_ count: Int) -> IOCompletion? {
        let total = position + count
        let isWhole = total >= request.buffer.count
        if isWhole || request.operation == .sync || (request.operation == .read && total <= done) {
            // Whole, or a read that got no further: the end of the file.
            done = max(done, total)
            if isDirect || done == 0 || request.operation == .sync { return completion(0) }
            stage = request.operation == .write ? .flush : .drop
            return nil
        }
        if total <= done {
            retries += 1
            return retries <= Self.retryLimit ? nil : completion(EIO)
        }
        done = total
        return nil
    }

    private func completion(_ number: Int32) -> IOCompletion {
        IOCompletion(token: request.token, bytes: request.operation == .sync ? 0 : done, errorNumber: number)
    }
}
