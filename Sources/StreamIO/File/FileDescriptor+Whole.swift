import Glibc
import SystemPackage

extension FileDescriptor {
    /// Writes all of the bytes to a stream, and waits for it where whoever shares it has made it so that it does not wait.
    ///
    /// - Throws: what the system says; `brokenPipe` where nobody reads any more.
    public func writeWhole(_ bytes: [UInt8]) throws(Errno) {
        var rest = bytes[...]
        while !rest.isEmpty {
            do {
                let count = try rest.withUnsafeBytes { try write($0) }
                rest = rest.dropFirst(count)
            } catch Errno.resourceTemporarilyUnavailable {
                var wanted = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
                poll(&wanted, 1, -1)
            } catch {
                throw error as? Errno ?? .ioError
            }
        }
    }
}
