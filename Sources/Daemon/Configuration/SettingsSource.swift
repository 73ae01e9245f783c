import Configuration
import Della
import Logging
import StreamIO
import SystemPackage

/// Where settings come from: flags, which beat the environment, which beats the file.
struct SettingsSource: Sendable {
    /// Read where no `--config` names another, if it exists.
    static let usualFile: FilePath = "/etc/dellad/dellad.yaml"

    /// What the command line says, as text.
    var flags: [Setting: [String]] = [:]
    var environment: [String: String] = [:]
    /// A file that must exist; `nil` for the usual one, if it does.
    var file: FilePath?
    /// The daemon whose settings are taken; `nil` for the system's itself, which the service manager gives its environment.
    var service: ServiceName?
    /// Whether there is nothing to be read from a file.
    var isFileLeftOut = false

    /// Variables of the program's that are no settings.
    private static let otherVariables = ["DELLAD_SIMD", PartWord.countVariable]
    /// Of tests.
    private static let internalPrefixes = ["DELLAD_FAULT", "DELLAD_CRASH", "DELLAD_TEST", "DELLAD_FUZZ"]

    /// Reads all sources; the file anew at each call.
    ///
    /// - Throws: everything that is wrong with the environment and the file, a line each.
    func read() throws(CommandFailure) -> DaemonSettings {
        var problems: [String] = []
        var variables = fitVariables(environment, &problems)
        if let service {
            // Another daemon is not where the environment says that the usual one is: who has it may use both.
            if service != .usual { for place in Self.places { variables[place.variable] = nil } }
            do throws(CommandFailure) {
                let given = try service.environmentFile.map { path throws(CommandFailure) in
                    try EnvironmentFile(readingIfThere: path)
                }
                if let given {
                    let fit = fitVariables(given.variables, in: given.path.string, &problems)
                    variables.merge(fit) { own, _ in own }
                }
            } catch {
                problems.append(error.message)
            }
        }
        var fromFile: [Setting: [String]] = [:]
        do throws(CommandFailure) {
            fromFile = try fileValues()
        } catch {
            problems.append(error.message)
        }
        guard problems.isEmpty else {
            throw CommandFailure(problems.joined(separator: "\n"), .badConfiguration)
        }
        let reader = ConfigReader(providers: [
            InMemoryProvider(name: "flags", values: Self.values(flags)),
            EnvironmentVariablesProvider(environmentVariables: variables, arraySeparator: ":"),
            InMemoryProvider(name: "file", values: Self.values(fromFile)),
        ])
        return settings(reader.scoped(to: Self.scope))
    }

    private static let scope = ConfigKey(["dellad"])
    /// What tells one daemon from another.
    private static let places: [Setting] = [.spool, .output]

    private func settings(_ reader: ConfigReader) -> DaemonSettings {
        func text(_ setting: Setting) -> String? { reader.string(forKey: ConfigKey([setting.rawValue])) }
        func size(_ setting: Setting) -> UInt64? { text(setting).flatMap { setting.size($0) } }
        // systemd lists several folders separated by colons; the unit asks for one.
        let given = environment["STATE_DIRECTORY"]?.split(separator: ":").first.map { FilePath(String($0)) }
        // A command may run in somebody else's service.
        var settings = DaemonSettings(stateFolder: service.map(\.stateFolder) ?? given)
        if let path = text(.spool) { settings.spool = FilePath(path) }
        if let path = text(.output) { settings.output = FilePath(path) }
        if let paths = reader.stringArray(forKey: ConfigKey([Setting.models.rawValue])) {
            settings.models = paths.map { FilePath($0) }
        }
        settings.allowsAnyPath = text(.allowsAnyPath).flatMap { Setting.flag($0) } ?? settings.allowsAnyPath
        settings.memory = size(.memory)
        settings.threads = text(.threads).flatMap { Int($0) }
        settings.engine = text(.engine).flatMap { IOEngineKind(rawValue: $0) } ?? settings.engine
        settings.sha256 = text(.sha256).flatMap { Setting.flag($0) } ?? settings.sha256
        settings.report = text(.report).flatMap { Setting.flag($0) } ?? settings.report
        settings.audit = text(.audit).flatMap { AuditPolicy($0) } ?? settings.audit
        settings.shardSize = size(.shardSize) ?? settings.shardSize
        settings.clearAfter = text(.clearAfter).flatMap { Age($0) }
        settings.jobsPerUser = text(.jobsPerUser).flatMap { Int($0) } ?? settings.jobsPerUser
        settings.fetchCommand = text(.fetchCommand).flatMap { try? FetchCommandLine($0) }
        settings.fetchSpace = text(.fetchSpace).flatMap { FetchSpace($0) } ?? settings.fetchSpace
        settings.fetchKeep = text(.fetchKeep).flatMap { Age($0) }
        settings.logLevel = text(.logLevel).flatMap { Logger.Level(rawValue: $0) } ?? settings.logLevel
        return settings
    }

    private func fileValues() throws(CommandFailure) -> [Setting: [String]] {
        guard !isFileLeftOut else { return [:] }
        if let file { return try SettingsFile(reading: file).values }
        let service = service ?? .usual
        let file = service.settingsFile
        // What is there and cannot be looked at is told by reading it.
        if Self.isAbsent(file) {
            if service == .usual { return [:] }
            if service.isUsers {
                throw CommandFailure(
                    "\(file): is not there (systemctl --user enable --now dellad writes it)",
                    .badConfiguration)
            }
        }
        return try SettingsFile(reading: file).values
    }

    /// Whether a file is certainly not there.
    private static func isAbsent(_ file: FilePath) -> Bool {
        do throws(IOError) {
            return try FileSystem.status(file) == nil
        } catch {
            return error.errno != .permissionDenied
        }
    }

    /// Whether a file is closed to this user.
    static func isClosed(_ file: FilePath) -> Bool { !isAbsent(file) && !FileSystem.isReadable(file) }

    /// Settings among variables that are not empty.
    ///
    /// - Parameter file: where the variables are from, for messages.
    private func fitVariables(
        _ environment: [String: String], in file: String? = nil, _ problems: inout [String]
    ) -> [String: String] {
        let place = file.map { "\($0): " } ?? ""
        var fit: [String: String] = [:]
        let settings = Dictionary(uniqueKeysWithValues: Setting.allCases.map { ($0.variable, $0) })
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("DELLAD_") {
            if let setting = settings[name] {
                guard !value.isEmpty else { continue }
                let values =
                    setting.isList
                    ? value.split(separator: ":", omittingEmptySubsequences: false).map(String.init) : [value]
                if let problem = setting.problem(with: values) {
                    problems.append("\(place)\(name): \(problem)")
                } else {
                    fit[name] = value
                }
            } else if !Self.otherVariables.contains(name),
                !Self.internalPrefixes.contains(where: { name.hasPrefix($0) })
            {
                let remedy = NearestName.remedy(
                    name, among: settings.keys.sorted() + Self.otherVariables, otherwise: "see dellad(8)")
                problems.append("\(place)\(name): is no setting (\(remedy))")
            }
        }
        return fit
    }

    private static func values(_ texts: [Setting: [String]]) -> [AbsoluteConfigKey: ConfigValue] {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (setting, texts) in texts {
            let content: ConfigContent = setting.isList ? .stringArray(texts) : .string(texts.first ?? "")
            values[AbsoluteConfigKey(["dellad", setting.rawValue])] = ConfigValue(content, isSecret: false)
        }
        return values
    }
}
