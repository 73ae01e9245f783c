import Glibc
import SystemPackage

/// System calls that are made again while a signal interrupts them.
enum SystemCall {
    /// How often an interrupted or refused-for-now call is made again before it counts as failed.
    static let retryLimit = 1_000

    /// Makes a call that returns −1 and sets `errno` on failure.
    @inline(__always)
    static func value<Result: BinaryInteger>(
        _ operation: @autoclosure () -> String, _ path: FilePath, _ call: () -> Result
    ) throws(IOError) -> Result {
        for _ in 0..<retryLimit {
            let result = call()
            if result >= 0 { return result }
            let number = Glibc.errno
            if number != EINTR { throw IOError(operation(), path, Errno(rawValue: number)) }
        }
        throw IOError(operation(), path, .interrupted)
    }
}
