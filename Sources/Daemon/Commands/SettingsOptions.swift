import ArgumentParser
import Della
import StreamIO
import SystemPackage

/// Whose settings a command takes where its flags say nothing: the daemon's, as `serve` has them.
struct SettingsOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The settings file, see dellad.yaml(5) (default: \(SettingsSource.usualFile), if it exists).",
            valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var file: String?

    @Option(
        help: ArgumentHelp(
            "Takes the settings of dellad@NAME: /etc/dellad/NAME.yaml and its spool.", valueName: "name"),
        completion: .custom { _, _, _ in Completions.instances })
    var instance: String?

    func validate() throws {
        if file != nil, instance != nil {
            throw ValidationError("--config and --instance exclude each other")
        }
        if let instance, ServiceName(instance: instance) == nil {
            throw ValidationError(
                "--instance: '\(instance)' is no instance (letters, digits and dashes: fast)")
        }
    }

    private var service: ServiceName { instance.flatMap { ServiceName(instance: $0) } ?? .usual }

    /// The settings, with flags in front.
    ///
    /// - Throws: everything that is wrong with the environment and the file.
    func read(_ flags: [Setting: [String]] = [:]) throws(CommandFailure) -> DaemonSettings {
        try source(flags).read()
    }

    /// As `read`, for what needs no daemon: a file of the daemon's that this user may not read is told, and done without.
    func readIfPermitted(_ flags: [Setting: [String]]) throws(CommandFailure) -> DaemonSettings {
        let usual = service.settingsFile
        let isClosed: Bool
        do throws(IOError) {
            isClosed = try FileSystem.status(usual) != nil && !FileSystem.isReadable(usual)
        } catch {
            isClosed = error.errno == .permissionDenied
        }
        guard file == nil, instance == nil, isClosed else { return try read(flags) }
        StandardStream.error.write(
            "dellad: \(usual): Permission denied: its settings do not hold (\(AccessAdvice(for: usual)))\n")
        var source = source(flags)
        source.isFileLeftOut = true
        return try source.read()
    }

    private func source(_ flags: [Setting: [String]]) -> SettingsSource {
        SettingsSource(
            flags: flags, environment: ProcessEnvironment.variables, file: file.map { FilePath($0) },
            service: service)
    }
}
