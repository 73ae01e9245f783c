import StreamIO
import SystemPackage

/// The spool's folders and the transitions between them, each one rename that replaces nothing.
///
/// No state but the paths: what is where on the disk is the state.
struct Spool: Sendable {
    /// The folders; their names are their names on the disk.
    enum Folder: String, CaseIterable, Sendable {
        case incoming, active, done, failed, status
    }

    let root: FilePath
    /// Where merged models appear.
    let output: FilePath
    /// Called between any two changes to the disk, with the name of the one that follows; tests stop there.
    var betweenSteps: @Sendable (String) throws(IOError) -> Void = { (_) throws(IOError) in }

    init(root: FilePath, output: FilePath) {
        self.root = root
        self.output = output
    }

    func folder(_ folder: Folder) -> FilePath { root.appending(folder.rawValue) }

    func config(_ name: JobName, in folder: Folder) -> FilePath {
        self.folder(folder).appending("\(name).yml")
    }

    /// Whether a config of that name lies there.
    func holds(_ name: JobName, in folder: Folder) throws(IOError) -> Bool {
        try FileSystem.status(config(name, in: folder), followLinks: false) != nil
    }

    /// Names in a folder that are looked at, at most: whoever may drop files may drop millions. The rest's turn comes
    /// when these are gone.
    static let entryLimit = 50_000

    /// The names in a folder, in the order of their bytes.
    func entries(in folder: Folder) throws(IOError) -> [String] {
        try FileSystem.entries(of: self.folder(folder), limit: Self.entryLimit)
    }

    /// What a config of that name may be called in `incoming`.
    static func fileNames(of name: JobName) -> [String] { ["\(name).yml", "\(name).yaml"] }

    func incoming(_ fileName: String) -> FilePath { folder(.incoming).appending(fileName) }

    func errorText(_ name: JobName) -> FilePath { folder(.failed).appending("\(name).error.txt") }

    func statusFile(_ name: JobName) -> FilePath { folder(.status).appending("\(name).json") }

    /// Where the status of a done job is kept when a later job of its name has failed; no job has such a name.
    func doneStatusFile(_ name: JobName) -> FilePath { folder(.status).appending("\(name)~done.json") }

    /// Where crashes of the daemon during this job are noted; hidden, so that it is no config.
    func crashNotes(_ name: JobName) -> FilePath { folder(.active).appending(".\(name).crashes") }

    /// Where it is noted that this job is being planned.
    func planningNote(_ name: JobName) -> FilePath { folder(.active).appending(".\(name).planning") }

    /// Where the merged model appears.
    func model(_ name: JobName) -> FilePath { output.appending(name.text) }

    /// Creates the folders that are missing, those above them too. One that cannot be created keeps no other away.
    func createFolders() throws(IOError) {
        var failure: IOError?
        for path in [root, output] + Folder.allCases.map({ folder($0) }) {
            do throws(IOError) {
                try Self.createFolders(to: path)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    /// Creates a folder and those above it, where they are missing.
    static func createFolders(to path: FilePath) throws(IOError) {
        guard !path.isEmpty, try FileSystem.status(path) == nil else { return }
        try createFolders(to: path.removingLastComponent())
        do {
            try FileSystem.createFolder(path)
        } catch  where error.errno == .fileExists {}
    }

    /// Makes the transitions into and out of these folders durable, in this order.
    func sync(_ folders: Folder...) throws(IOError) {
        for folder in folders {
            try betweenSteps("sync \(folder)")
            try FileSystem.syncFolder(self.folder(folder))
        }
    }

    /// Renames, replacing an older entry by removing it first.
    func place(_ from: FilePath, at to: FilePath) throws(IOError) {
        for _ in 0..<3 {
            try betweenSteps("rename to \(to.lastComponent?.string ?? "")")
            do {
                return try FileSystem.rename(from, to: to, replacing: false)
            } catch  where error.errno == .fileExists {
                try vacate(to)
            }
        }
        throw IOError("rename to \(to)", from, .fileExists)
    }

    /// Frees a name: what has it is removed. Another user's folder that is not empty cannot be; it gets a hidden name
    /// beside, where its owner or an operator finds it.
    func vacate(_ path: FilePath) throws(IOError) {
        guard try FileSystem.status(path, followLinks: false) != nil else { return }
        let name = path.lastComponent?.string ?? ""
        try betweenSteps("remove the older \(name)")
        do {
            try FileSystem.removeTree(path)
        } catch  where Self.obstacles.contains(error.errno) {
            try setAside(path)
        }
    }

    /// Gives what has a name a hidden one beside, and tells it.
    @discardableResult func setAside(_ path: FilePath) throws(IOError) -> String {
        let name = ".\(path.lastComponent?.string ?? "").\(UInt64.random(in: 0 ... .max)).aside"
        let aside = path.removingLastComponent().appending(name)
        try FileSystem.rename(path, to: aside, replacing: false)
        return name
    }

    /// Why a tree that others made is not removed.
    private static let obstacles: [Errno] = [
        .permissionDenied, .notPermitted, .directoryNotEmpty, .tooManySymbolicLinkLevels,
    ]
}
