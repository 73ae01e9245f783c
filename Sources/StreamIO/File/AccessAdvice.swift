import Glibc
import SystemPackage

/// What lets this user into a file or folder that is closed to them: a group, or its mode.
public struct AccessAdvice: Hashable, CustomStringConvertible {
    /// What to do.
    public let description: String
    /// The first folder on the way that may not be passed, or the file itself.
    public let obstacle: FilePath

    /// Finds what is in the way.
    ///
    /// - Parameters:
    ///   - path: where the permission was denied.
    ///   - writing: whether it was to be written to.
    public init(for path: FilePath, writing: Bool = false) {
        let obstacle = Self.obstacle(path, writing: writing)
        self.obstacle = obstacle
        guard let status = (try? FileSystem.status(obstacle)) ?? nil else {
            description = "let this user in: chmod a+rX \(obstacle)"
            return
        }
        let bits: UInt32 = writing ? (status.isDirectory ? 0o030 : 0o020) : status.isDirectory ? 0o010 : 0o040
        let group = Self.groupName(status.groupID)
        guard status.permissions & bits == bits, status.groupID != 0, let group else {
            let right = status.isDirectory ? (writing ? "rwx" : "rx") : writing ? "w" : "r"
            let owner = Self.userName(status.userID)
            description = "let this user in, as its owner \(owner): chmod a+\(right) \(obstacle)"
            return
        }
        let user = Self.userName(geteuid())
        description =
            Self.isMember(user, of: status.groupID)
            ? "\(user) is in the group \(group), but was not yet when this began: \(Self.renewal)"
            : "\(obstacle) is for the group \(group): adduser \(user) \(group) as root, then \(Self.renewal)"
    }

    /// How a process comes by new groups; a system's users do not log in.
    private static var renewal: String {
        (1..<1000).contains(geteuid()) ? "restart the service" : "log in again"
    }

    private static func obstacle(_ path: FilePath, writing: Bool) -> FilePath {
        var place = path.isAbsolute ? FilePath("/") : FilePath(".")
        for component in path.components.dropLast() {
            place.append(component)
            if !FileSystem.allows(X_OK, place) { return place }
        }
        // A folder that is not there is made in the one above.
        let isThere = FileSystem.allows(F_OK, path)
        return writing && !isThere ? path.removingLastComponent() : path
    }

    private static func userName(_ user: uid_t) -> String {
        getpwuid(user).flatMap { String(validatingCString: $0.pointee.pw_name) } ?? "\(user)"
    }

    private static func groupName(_ group: gid_t) -> String? {
        getgrgid(group).flatMap { String(validatingCString: $0.pointee.gr_name) }
    }

    /// Whether the user database has a user in a group, of which a session that is older knows nothing.
    private static func isMember(_ user: String, of group: gid_t) -> Bool {
        guard var member = getgrgid(group)?.pointee.gr_mem else { return false }
        while let name = member.pointee {
            if String(validatingCString: name) == user { return true }
            member += 1
        }
        return false
    }
}
