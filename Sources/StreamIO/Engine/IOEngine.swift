/// Asynchronous transfers between files and the buffers of one merge.
///
/// One thread, the owner, submits and waits; only `wake()` may be called from others. Reads and writes that
/// the kernel cut short are continued, `EINTR` and `EAGAIN` are retried up to a stated limit, so that a
/// completion is a whole transfer, the end of a file, or an error. Buffers belong to the caller and must stay
/// alive, and unread by others, until the completion arrives.
///
/// Of files that are not direct, an engine keeps nothing in the page cache: what was read is dropped, what was
/// written is flushed and dropped before its completion. A direct file whose file system refuses a transfer
/// with `EINVAL` or `ENOTSUP` after all is switched to buffered, descriptor and all, and the transfer made again; the
/// `isDirect` of its references may go on saying otherwise.
public protocol IOEngine: AnyObject, Sendable {
    /// The engine's name for logs: `io_uring` or `posix`.
    var name: String { get }

    /// The most transfers that may be under way; `submit` beyond it is a programmer's error.
    var queueDepth: Int { get }

    /// Transfers submitted and not yet returned by `wait`.
    var pending: Int { get }

    /// Starts a transfer. `request.token` comes back with its completion, in any order. A sync covers the
    /// writes whose completions were returned before it was submitted.
    ///
    /// - Precondition: less than `queueDepth` transfers are pending; offset, length and address are multiples
    ///   of `OpenFile.directAlignment` where the file is direct.
    func submit(_ request: IORequest)

    /// Waits until at least one completion is there, `wake()` was called, or `timeout` nanoseconds have
    /// passed (`nil`: no limit), and appends what is there to `completions` (whose capacity the caller
    /// reserves once). Appends nothing when woken or timed out.
    func wait(_ completions: inout [IOCompletion], timeout: UInt64?) throws(IOError)

    /// Ends a `wait` that is under way, or the next one. From any thread, but no signal handler;
    /// cheap when repeated.
    func wake()
}
