import StreamIO
import SystemPackage

@testable import Della

/// The files that tests are given: models, configs and what comes of them.
enum TestResources {
    /// `Tests/DellaTests/Resources`.
    static let folder: FilePath = {
        var path = FilePath(#filePath)
        path.removeLastComponent()
        path.removeLastComponent()
        return path.appending("Resources")
    }()

    static func read(_ name: String) throws -> [UInt8] {
        try FileSystem.readWhole(folder.pushing(FilePath(name)), limit: 64 << 20)
    }

    /// The models of the fixtures.
    static var library: ModelLibrary {
        ModelLibrary(folders: [folder.appending("models")], workingDirectory: nil, allowsAnyPath: true)
    }
}
