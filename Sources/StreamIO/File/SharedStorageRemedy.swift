import SystemPackage

extension IOError {
    /// What to do about an error that only file systems of several machines, or servers in user space, give; `nil` for others.
    public var sharedStorageRemedy: String? {
        switch (operation, errno) {
        case ("lock", .noFunction), ("lock", .notSupported), ("lock", .invalidArgument):
            "mount the file system with locks that every machine sees, Lustre with -o flock, or take a folder on another"
        case ("lock", .noLocks):
            "NFS 3 needs rpc.statd here and the lock service on the server; NFS 4 needs neither: mount with -o vers=4.2"
        case (_, .staleNFSFileHandle):
            "another machine removed or replaced it, or the server exports it anew: retry"
        case (_, .timedOut), (_, .socketNotConnected), (_, .socketShutdown):
            "see that the file system's servers can be reached from this machine, mount it anew if need be, and retry"
        default: nil
        }
    }

    /// Whether a server was out of reach, or another machine in the way: the same may succeed later.
    public var isPassingOnSharedStorage: Bool {
        [.staleNFSFileHandle, .timedOut, .socketNotConnected, .socketShutdown].contains(errno)
    }
}
