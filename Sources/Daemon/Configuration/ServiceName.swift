import SystemPackage

/// One of a host's daemons: `dellad`; `dellad@INSTANCE`, or a user's own, with settings, a spool and an output of its own.
struct ServiceName: Hashable, Sendable, CustomStringConvertible {
    /// `nil` for what is no instance.
    let instance: String?
    /// Where the user's files are whose own it is; `nil` for a daemon of the system's.
    private let user: UserFolders?

    /// The daemon that is there without being named.
    static let usual = Self()

    private init() { (instance, user) = (nil, nil) }

    /// The daemon that `systemctl --user` starts; `nil` for whoever has no home.
    init?(ofUserIn environment: [String: String]) {
        guard let user = UserFolders(environment) else { return nil }
        (instance, self.user) = (nil, user)
    }

    /// Of letters, digits and `-_.`, not beginning with a dot or a dash; `nil` for anything else.
    init?(instance: String) {
        let others: Set<Unicode.Scalar> = ["-", "_", "."]
        let isFit = instance.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                || others.contains(scalar)
        }
        guard isFit, let first = instance.first, first != ".", first != "-", instance.utf8.count <= 128 else {
            return nil
        }
        (self.instance, user) = (instance, nil)
    }

    /// Whether it is a user's own.
    var isUsers: Bool { user != nil }

    /// The unit's, without `.service`.
    var description: String { instance.map { "dellad@\($0)" } ?? "dellad" }

    /// As units and tmpfiles name an instance's folders.
    private var folderName: String { instance.map { "dellad-\($0)" } ?? "dellad" }

    /// What its settings are read from, by default.
    var settingsFile: FilePath {
        if let user { return user.configuration.appending(folderName).appending("dellad.yaml") }
        return instance.map { SettingsSource.usualFile.removingLastComponent().appending("\($0).yaml") }
            ?? SettingsSource.usualFile
    }

    /// Variables that the unit gives it; `nil` where it gives none.
    var environmentFile: FilePath? { isUsers ? nil : FilePath("/etc/default").appending(folderName) }

    /// Where its spool and output are by default.
    var stateFolder: FilePath { (user?.state ?? FilePath("/var/lib")).appending(folderName) }
}
