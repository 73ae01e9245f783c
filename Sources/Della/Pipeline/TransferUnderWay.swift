/// A transfer that was submitted and has not completed.
struct TransferUnderWay {
    let transfer: Transfer
    /// When it was submitted, in nanoseconds of the trace; 0 without one.
    let start: UInt64
}
