import SystemPackage

extension FilePath {
    /// The folder that holds it: `.` for a name alone.
    public var parent: FilePath {
        let above = removingLastComponent()
        return above.isEmpty ? "." : above
    }
}
