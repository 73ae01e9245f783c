import SystemPackage

/// A `config.json` that cannot be read.
struct ProfileError: Error {
    var path: FilePath
    var reason: String
    var remedy = "download it again"
}
