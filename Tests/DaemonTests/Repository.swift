import SystemPackage

/// The checkout that the tests were built from.
enum Repository {
    static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()
}
