import Glibc
import SystemPackage
import Testing

@testable import StreamIO

/// What file systems of several machines answer, and what is made of it.
@Suite struct SharedStorageTests {
    private static func reserve(_ number: Int32) -> Errno {
        OpenFile.unreserved(IOError("reserve space", "f", Errno(rawValue: number))).errno
    }

    @Test(arguments: [EINVAL, ENOSYS, ENOTSUP])
    func whatCannotReserveSaysSoInOneWay(_ number: Int32) {
        #expect(Self.reserve(number) == .notSupported)
    }

    @Test(arguments: [ENOSPC, EDQUOT, EIO, EFBIG])
    func aReservationThatFailsIsAnError(_ number: Int32) {
        #expect(Self.reserve(number) == Errno(rawValue: number))
    }

    @Test func aFileThatAnotherMachineRemovedCannotBeLocked() {
        func locking(_ number: Int32) -> Errno {
            OpenFile.unlocked(IOError("lock", "f", Errno(rawValue: number))).errno
        }
        #expect(locking(ESTALE) == .noSuchFileOrDirectory)
        #expect(locking(EACCES) == .resourceTemporarilyUnavailable)
        for number in [EAGAIN, ENOSYS, ENOLCK, EIO] { #expect(locking(number) == Errno(rawValue: number)) }
    }

    @Test func aLockThatIsRefusedNamesTheRemedy() throws {
        func remedy(_ number: Int32) -> String {
            IOError("lock", "f", Errno(rawValue: number)).sharedStorageRemedy ?? ""
        }
        for number in [ENOSYS, ENOTSUP, EINVAL] { #expect(remedy(number).contains("Lustre with -o flock")) }
        #expect(remedy(ENOLCK).contains("rpc.statd"))
        for number in [EAGAIN, EIO, ENOSPC] { #expect(remedy(number).isEmpty) }
        #expect(IOError("read", "f", .noFunction).sharedStorageRemedy == nil)
        for number in [ESTALE, ETIMEDOUT, ENOTCONN, ESHUTDOWN] {
            let error = IOError("read", "f", Errno(rawValue: number))
            #expect(error.sharedStorageRemedy?.contains("retry") == true && error.isPassingOnSharedStorage)
        }
        #expect(!IOError("read", "f", .ioError).isPassingOnSharedStorage)
    }

    @Test(arguments: [EPERM, ENOSYS, ENOTSUP])
    func withoutHardLinksRenameReplacesNothingThatIsThere(_ number: Int32) throws {
        let folder = TemporaryFolder()
        func rename(_ from: String, _ to: String) throws {
            try FileSystem.renameByLinking(folder.file(from), folder.file(to)) { _, _ in
                errno = number
                return -1
            }
        }
        try folder.write([1], "a")
        try folder.write([2], "b")
        let error = try #require(throws: IOError.self) { try rename("a", "b") }
        #expect(error.errno == .fileExists)
        #expect(try FileSystem.readWhole(folder.file("b"), limit: 10) == [2])
        try rename("a", "c")
        #expect(try FileSystem.entries(of: folder.path) == ["b", "c"])
        #expect(try FileSystem.readWhole(folder.file("c"), limit: 10) == [1])
    }

    @Test func aLinkThatFailsOtherwiseIsAnError() throws {
        let folder = TemporaryFolder()
        try folder.write([1], "a")
        let error = try #require(throws: IOError.self) {
            try FileSystem.renameByLinking(folder.file("a"), folder.file("b")) { _, _ in
                errno = EMLINK
                return -1
            }
        }
        #expect(error.errno == .tooManyLinks)
        #expect(try FileSystem.entries(of: folder.path) == ["a"])
    }

    @Test func whatIsLookedAtAnewIsAFileOrNothing() throws {
        let folder = TemporaryFolder()
        let path = try folder.write([1, 2, 3], "file")
        try #require(symlink("file", folder.file("link").string) == 0)
        #expect(try FileSystem.statusAnew(path)?.size == 3)
        #expect(try FileSystem.statusAnew(path)?.isSameFile(as: FileSystem.status(path)!) == true)
        for name in ["absent", "link", "file/below"] {
            #expect(try FileSystem.statusAnew(folder.file(name)) == nil)
        }
        try FileSystem.lookAnew(at: folder.path)
        try FileSystem.lookAnew(at: folder.file("absent"))
        #expect(throws: IOError.self) { try FileSystem.lookAnew(at: path) }
    }

    @Test func whatIsOnADiskIsSeenAtOnce() {
        #expect(!FileSystem.mayBeBehind("/proc"))
        #expect(!FileSystem.mayBeBehind(TemporaryFolder().path))
        #expect(!FileSystem.mayBeBehind("/absent"))
    }
}
