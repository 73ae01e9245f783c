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

    /// Takes away the permission bits of all but the owner: a lock on a file is anybody's who may read it.
    public func keepPrivate() throws(IOError) {
        let present = try status().permissions
        guard present & 0o077 != 0 else { return }
        _ = try SystemCall.value("chmod", path) { fchmod(reference.descriptor, mode_t(present & ~0o077)) }
    }

    /// Says when the file was written last: nanoseconds since the epoch.
    public func setModified(_ time: Int64) throws(IOError) {
        let moment = WallTime.timespec(time)
        let times = [moment, moment]
        _ = try SystemCall.value("set time", path) { futimens(reference.descriptor, times) }
    }
}
