import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

@Suite struct SpoolLockTests {
    /// SPOOL and OUTPUT of one test.
    private func folders(in folder: TemporaryFolder) -> SpoolFolders {
        SpoolFolders(spool: Spool(root: folder.path / "spool", output: folder.path / "output"))
    }

    private func failure(_ body: () throws -> Void) throws -> CommandFailure {
        try #require(throws: CommandFailure.self) { try body() }
    }

    @Test(arguments: ["link", "folder", "pipe"])
    func whatIsNoFileIsNotWrittenTo(kind: String) throws {
        let folder = try TemporaryFolder()
        let (victim, path) = (folder.path / "victim", folder.path / SpoolLock.fileName)
        try victim.write("precious")
        switch kind {
        case "link": try #require(symlink(victim.string, path.string) == 0)
        case "folder": try FileSystem.createFolder(path)
        default: try #require(mkfifo(path.string, 0o644) == 0)
        }
        let failure = try failure { _ = try SpoolLock.holding(folder.path) }
        #expect(failure.exitCode == 78)
        #expect(failure.message.hasPrefix("\(path): is "))
        #expect(failure.message.contains("(remove it"))
        #expect(victim.text == "precious")
        #expect(SpoolLock.owner(of: folder.path) == nil)
    }

    @Test func aLockStaysWhereTheFolderStays() throws {
        let folder = try TemporaryFolder()
        var locks = try FolderLocks(folders(in: folder))
        #expect(try locks.renew().isEmpty)
        #expect(SpoolLock.owner(of: folder.path / "spool") == getpid())
        #expect(SpoolLock.owner(of: folder.path / "output") == getpid())
    }

    @Test(arguments: ["spool", "output"])
    func aFolderThatIsRemovedOrReplacedIsLockedAnew(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path / name
        var locks = try FolderLocks(folders(in: folder))
        try FileSystem.removeTree(path)
        #expect(try locks.renew() == [path])
        #expect(SpoolLock.owner(of: path) == getpid())
        try FileSystem.rename(path, to: folder.path / "old", replacing: false)
        try FileSystem.createFolder(path)
        #expect(try locks.renew() == [path])
        #expect(SpoolLock.owner(of: path) == getpid())
        #expect(try locks.renew().isEmpty)
    }

    @Test(arguments: ["spool", "output"])
    func aFolderThatAnotherHasTakenMeanwhileIsNotWorkedOn(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path / name
        var locks = try FolderLocks(folders(in: folder))
        try FileSystem.removeTree(path)
        try FileSystem.createFolder(path)
        let other = try SpoolLock.holding(path)
        var code: Int32 = 0
        do {
            _ = try locks.renew()
        } catch let failure as CommandFailure {
            code = failure.exitCode
            #expect(failure.message.contains("process \(getpid()) is working on it already"))
        }
        #expect(code == 75)
        _ = consume other
    }

    @Test func theRemedyForAReadOnlyDiskIsToMountItWritable() throws {
        let folder = try TemporaryFolder()
        var folders = folders(in: folder)
        let error = IOError("create", folder.path / "spool", .readOnlyFileSystem)
        #expect(folders.failure(error).message.contains("mount it writable"))
        #expect(!folders.failure(error).message.contains("create it"))
        var refused = error
        refused.errno = .permissionDenied
        #expect(folders.failure(refused).message.contains("create it for the daemon's user"))
        folders.isService = true
        #expect(folders.failure(error).appendix?.contains("ReadWritePaths=") == true)
    }
}
