import Glibc

/// What is known of a file beside its content.
extension OpenFile {
    /// Adds permission bits, those included that the process's umask took.
    public func permit(_ permissions: UInt32) throws(IOError) {
        let present = try status().permissions
        guard present | permissions != present else { return }
        _ = try SystemCall.value("chmod", path) {
            fchmod(reference.descriptor, mode_t(present | permissions))
        }
    }

    /// Says when the file was written last: nanoseconds since the epoch.
    public func setModified(_ time: Int64) throws(IOError) {
        let billion: Int64 = 1_000_000_000
        let rest = (time % billion + billion) % billion
        let moment = timespec(tv_sec: Int((time - rest) / billion), tv_nsec: Int(rest))
        let times = [moment, moment]
        _ = try SystemCall.value("set time", path) { futimens(reference.descriptor, times) }
    }
}
