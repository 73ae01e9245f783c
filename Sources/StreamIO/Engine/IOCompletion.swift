/// The end of one transfer.
public struct IOCompletion: Sendable {
    /// The token of the request.
    public var token: UInt64
    /// Bytes transferred: all that were asked for, or fewer where a file ended.
    public var bytes: Int
    /// The error number, 0 for success.
    public var errorNumber: Int32

    /// The end of the transfer with that token.
    public init(token: UInt64, bytes: Int, errorNumber: Int32) {
        self.token = token
        self.bytes = bytes
        self.errorNumber = errorNumber
    }
}
