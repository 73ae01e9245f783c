import ArgumentParser
import Della
import Glibc
import SystemPackage

/// Where a command looks for models.
struct ModelFolders: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A folder in which models are looked up by name; may be given again (default: \(DefaultPath.models)).",
            valueName: "dir"),
        completion: .directory)
    var models: [String] = []

    /// A person at the command line may name any path, relative ones from where they are.
    var library: ModelLibrary {
        let folders = models.isEmpty ? [DefaultPath.models] : models
        return ModelLibrary(
            folders: folders.map { FilePath($0) }, workingDirectory: Self.workingDirectory,
            allowsAnyPath: true)
    }

    private static var workingDirectory: FilePath {
        guard let text = getcwd(nil, 0) else { return "." }
        defer { free(text) }
        return FilePath(platformString: text)
    }
}
