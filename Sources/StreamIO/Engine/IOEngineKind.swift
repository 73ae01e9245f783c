/// Which engine a merge uses: the values of `--io`.
public enum IOEngineKind: String, Sendable, CaseIterable {
    /// io_uring where the host allows it, else posix, saying why.
    case auto
    case uring
    case posix
}
