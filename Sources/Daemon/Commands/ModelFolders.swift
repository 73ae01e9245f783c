import ArgumentParser
import Della
import Glibc
import SystemPackage

/// Where a command looks for models.
struct ModelFolders: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A folder in which models are looked up by name, before Hugging Face's cache; may be given again (default: the daemon's, \(DefaultPath.models)).",
            valueName: "dir"),
        completion: .directory)
    var models: [String] = []

    /// What the command line says of it.
    var flags: [Setting: [String]] { models.isEmpty ? [:] : [.models: models] }

    /// A person at the command line may name any path, relative ones from where they are, and has a cache.
    static func library(_ settings: DaemonSettings) -> ModelLibrary {
        ModelLibrary(
            folders: settings.models, workingDirectory: workingDirectory, allowsAnyPath: true,
            cache: HubCache(ProcessEnvironment.variables).folder)
    }

    static var workingDirectory: FilePath {
        guard let text = getcwd(nil, 0) else { return "." }
        defer { free(text) }
        return FilePath(platformString: text)
    }
}
