import SystemPackage

/// One of a host's daemons: `dellad`, or `dellad@INSTANCE` with settings, a spool and an output of its own.
struct ServiceName: Hashable, Sendable, CustomStringConvertible {
    /// `nil` for `dellad` itself.
    let instance: String?

    /// The daemon that is there without being named.
    static let usual = Self()

    private init() { instance = nil }

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
        self.instance = instance
    }

    var isInstance: Bool { instance != nil }

    /// The unit's, without `.service`.
    var description: String { instance.map { "dellad@\($0)" } ?? "dellad" }

    /// As units and tmpfiles name an instance's folders.
    private var folderName: String { instance.map { "dellad-\($0)" } ?? "dellad" }

    /// What its settings are read from, by default.
    var settingsFile: FilePath {
        instance.map { SettingsSource.usualFile.removingLastComponent().appending("\($0).yaml") }
            ?? SettingsSource.usualFile
    }

    /// Variables that the unit gives it.
    var environmentFile: FilePath { FilePath("/etc/default").appending(folderName) }

    /// Where its spool and output are by default.
    var stateFolder: FilePath { FilePath("/var/lib").appending(folderName) }
}
