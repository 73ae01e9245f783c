import SystemPackage

/// A `config.json` that cannot be read.
struct ProfileError: Error {
    var path: FilePath
    var reason: String
}
