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

    @Flag(
        name: .customLong("user"),
        help: "Takes the settings of this user's own daemon: ~/.config/dellad/dellad.yaml and its spool.")
    var isUsers = false

    func validate() throws {
        guard [file != nil, instance != nil, isUsers].count(where: { $0 }) <= 1 else {
            throw ValidationError("--config, --instance and --user exclude each other")
        }
        if file?.isEmpty == true {
            throw ValidationError("--config: is empty (name a settings file, or leave the option out)")
        }
        if let instance, named == nil {
            throw ValidationError(
                "--instance: '\(instance)' is no instance (letters, digits and dashes: fast)")
        }
        if isUsers, named == nil { throw ValidationError("--user: this user has no home folder") }
    }

    /// The daemon that the command line names; `nil` where it names none.
    private var named: ServiceName? {
        if let instance { return ServiceName(instance: instance) }
        return isUsers ? ServiceName(ofUserIn: ProcessEnvironment.variables) : nil
    }

    /// The daemon that is named. Else the system's, or the user's own, if there is one, where the system's spool is not
    /// there or closed to this user.
    private var service: ServiceName {
        if let named { return named }
        let environment = ProcessEnvironment.variables
        guard file == nil, environment[Setting.spool.variable, default: ""].isEmpty,
            let own = ServiceName(ofUserIn: environment), FileSystem.isReadable(own.settingsFile),
            !Self.isSystemOpen(environment)
        else { return .usual }
        return own
    }

    /// The files that settings are read from, whether they are there or not.
    var files: [FilePath] {
        let service = service
        return [file.map { FilePath($0) } ?? service.settingsFile, service.environmentFile].compactMap(\.self)
    }

    /// Whether nothing on the command line says that the daemon is the user's own, and it is.
    var isUsersUnasked: Bool { named == nil && service.isUsers }

    /// Whether this user may look into what is dropped into the spool of the system's daemon.
    private static func isSystemOpen(_ environment: [String: String]) -> Bool {
        let source = SettingsSource(environment: environment, service: .usual)
        guard let settings = try? source.read() else {
            // What is wrong with them is to be told to whoever can read them.
            let files = [ServiceName.usual.settingsFile, ServiceName.usual.environmentFile]
            return !files.compactMap(\.self).contains(where: SettingsSource.isClosed)
        }
        return FileSystem.isListable(Spool(root: settings.spool, output: "").folder(.incoming))
    }

    /// The settings, with flags in front.
    ///
    /// - Throws: everything that is wrong with the environment and the file.
    func read(_ flags: [Setting: [String]] = [:]) throws(CommandFailure) -> DaemonSettings {
        try source(flags, service).read()
    }

    /// As `read`, for what needs no daemon: a file of the daemon's that this user may not read is told, and done without.
    func readIfPermitted(_ flags: [Setting: [String]]) throws(CommandFailure) -> DaemonSettings {
        let service = service
        var source = source(flags, service)
        let usual = service.settingsFile
        guard file == nil, service == .usual, SettingsSource.isClosed(usual) else { return try source.read() }
        StandardStream.error.write(
            "dellad: \(usual): Permission denied: its settings do not hold (\(AccessAdvice(for: usual)))\n")
        source.isFileLeftOut = true
        return try source.read()
    }

    /// Where the daemon itself has its settings from. The system's usual one is given its variables by the service manager.
    func ofDaemon(_ flags: [Setting: [String]]) -> SettingsSource { source(flags, named) }

    private func source(_ flags: [Setting: [String]], _ service: ServiceName?) -> SettingsSource {
        SettingsSource(
            flags: flags, environment: ProcessEnvironment.variables, file: file.map { FilePath($0) },
            service: service)
    }
}
