import Glibc
import SystemPackage
import Testing

@testable import StreamIO

@Suite struct FileSystemTests {
    @Test(arguments: [true, false])
    func renameReplacesNothingUnlessTold(_ isFolder: Bool) throws {
        let folder = TemporaryFolder()
        let (from, to) = (folder.file("from"), folder.file("to"))
        if isFolder { try FileSystem.createFolder(from) } else { try folder.write([1], "from") }
        try FileSystem.rename(from, to: to, replacing: false)
        if isFolder { try FileSystem.createFolder(from) } else { try folder.write([2], "from") }
        let error = try #require(throws: IOError.self) {
            try FileSystem.rename(from, to: to, replacing: false)
        }
        #expect(error.errno == .fileExists && error.path == from)
        #expect(try FileSystem.status(from) != nil)
        try FileSystem.rename(from, to: to, replacing: true)
        #expect(try FileSystem.status(from) == nil)
        if !isFolder { #expect(try FileSystem.readWhole(to, limit: 10) == [2]) }
    }

    @Test func withoutTheKernelsHelpRenameReplacesNothingEither() throws {
        let folder = TemporaryFolder()
        try folder.write([1], "a")
        try folder.write([2], "b")
        #expect(throws: IOError.self) { try FileSystem.renameByLinking(folder.file("a"), folder.file("b")) }
        #expect(try FileSystem.readWhole(folder.file("b"), limit: 10) == [2])
        try FileSystem.renameByLinking(folder.file("a"), folder.file("c"))
        #expect(try FileSystem.entries(of: folder.path) == ["b", "c"])
        try FileSystem.createFolder(folder.file("d"))
        #expect(throws: IOError.self) { try FileSystem.renameByLinking(folder.file("d"), folder.file("b")) }
        try FileSystem.renameByLinking(folder.file("d"), folder.file("e"))
        #expect(try FileSystem.entries(of: folder.path) == ["b", "c", "e"])
    }

    @Test func removesTreesWithoutFollowingLinks() throws {
        let folder = TemporaryFolder()
        try FileSystem.createFolder(folder.file("outside"))
        try folder.write([1], "outside/kept")
        try FileSystem.createFolder(folder.file("tree"))
        try FileSystem.createFolder(folder.file("tree/inner"))
        try folder.write([1], "tree/inner/x")
        try folder.write([1], "tree/\u{7F}\n")
        try #require(symlink("../outside", folder.file("tree/link").string) == 0)
        try #require(symlink("outside", folder.file("link").string) == 0)
        try #require(mkfifo(folder.file("tree/pipe").string, 0o600) == 0)
        try FileSystem.removeTree(folder.file("tree"))
        try FileSystem.removeTree(folder.file("link"))
        try FileSystem.removeTree(folder.file("absent"))
        #expect(try FileSystem.entries(of: folder.path) == ["outside"])
        #expect(try FileSystem.entries(of: folder.file("outside")) == ["kept"])
    }

    @Test func readsNoMoreThanTheLimit() throws {
        let folder = TemporaryFolder()
        let path = try folder.write([UInt8](repeating: 5, count: 5000), "five")
        #expect(try FileSystem.readWhole(path, limit: 5000).count == 5000)
        let error = try #require(throws: IOError.self) { _ = try FileSystem.readWhole(path, limit: 4999) }
        #expect(error.errno == .fileTooLarge && error.path == path)
        #expect(try !FileSystem.readWhole("/proc/self/status", limit: 1 << 20).isEmpty)
        #expect(throws: IOError.self) { try FileSystem.readWhole("/proc/self/status", limit: 10) }
        try folder.write([], "empty")
        #expect(try FileSystem.readWhole(folder.file("empty"), limit: 0) == [])
    }

    @Test func readsRegularFilesOnlyAndLinksIfAllowed() throws {
        let folder = TemporaryFolder()
        let path = try folder.write([1], "file")
        let link = folder.file("link")
        try #require(symlink("file", link.string) == 0)
        try #require(mkfifo(folder.file("pipe").string, 0o600) == 0)
        #expect(try FileSystem.readWhole(link, limit: 9) == [1])
        #expect(try FileSystem.readWhole(path, limit: 9, followLinks: false) == [1])
        let error = try #require(throws: IOError.self) {
            _ = try FileSystem.readWhole(link, limit: 9, followLinks: false)
        }
        #expect(error.errno == .tooManySymbolicLinkLevels)
        #expect(throws: IOError.self) { try FileSystem.readWhole(folder.file("pipe"), limit: 9) }
        #expect(throws: IOError.self) { try FileSystem.readWhole(folder.path, limit: 9) }
    }

    @Test func replacesAtomicallyAndLeavesNothingBeside() throws {
        let folder = TemporaryFolder()
        let path = folder.file("state.json")
        for content in [[UInt8](repeating: 1, count: 10), [2], []] {
            for sync in [true, false] {
                try FileSystem.replaceAtomically(path, with: content, sync: sync)
                #expect(try FileSystem.readWhole(path, limit: 100) == content)
            }
        }
        // What a crash left behind is no obstacle.
        try folder.write([9], ".state.json.tmp")
        try FileSystem.replaceAtomically(path, with: [3])
        #expect(try FileSystem.entries(of: folder.path) == ["state.json"])
    }

    @Test func aFolderInPlaceOfTheDraftIsNoObstacle() throws {
        let folder = TemporaryFolder()
        try FileSystem.createFolder(folder.file(".state.json.tmp"))
        try folder.write([9], ".state.json.tmp/x")
        for content in [[UInt8(3)], [4]] {
            try FileSystem.replaceAtomically(folder.file("state.json"), with: content)
            #expect(try FileSystem.readWhole(folder.file("state.json"), limit: 10) == content)
        }
        #expect(try FileSystem.entries(of: folder.path) == [".state.json.tmp", "state.json"])
    }

    @Test func aFileHasTheLeastPermissionsWhateverTheUmask() throws {
        let folder = TemporaryFolder()
        // As a umask of 077 would leave them.
        try FileSystem.writeWhole(
            [], to: folder.file("a"), sync: false, permissions: 0o600, leastPermissions: 0o640)
        #expect(try FileSystem.status(folder.file("a"))?.permissions == 0o640)
        try FileSystem.writeWhole(
            [], to: folder.file("b"), sync: false, permissions: 0o604, leastPermissions: 0o640)
        #expect(try FileSystem.status(folder.file("b"))?.permissions == 0o644)
    }

    @Test(arguments: [1_700_000_000_123_456_000, 0, -1_500_000_000, 4_107_542_400_000_000_000])
    func aFileIsGivenItsTime(time: Int64) throws {
        let folder = TemporaryFolder()
        let file = try OpenFile.creating(folder.file("a"), direct: false)
        try file.setModified(time)
        #expect(try file.status().modified == time)
    }

    @Test func aLinkIsNotUpdated() throws {
        let folder = TemporaryFolder()
        try folder.write([1], "file")
        try #require(symlink("file", folder.file("link").string) == 0)
        let error = try #require(throws: IOError.self) {
            _ = try OpenFile.forUpdating(folder.file("link"), direct: false)
        }
        #expect(error.errno == .tooManySymbolicLinkLevels)
    }

    @Test func copiesWholeFilesAndReplacesNothing() throws {
        let folder = TemporaryFolder()
        for count in [0, 1, 1 << 20, (1 << 20) + 7] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            let from = try folder.write(bytes, "from-\(count)")
            let to = folder.file("to-\(count)")
            try FileSystem.copy(OpenFile.forReading(from, direct: false), to: to)
            #expect(try FileSystem.readWhole(to, limit: 2 << 20) == bytes)
            #expect(throws: IOError.self) {
                try FileSystem.copy(OpenFile.forReading(from, direct: false), to: to)
            }
            #expect(try FileSystem.status(to)?.size == UInt64(count))
        }
    }

    @Test func errorsNameTheFile() throws {
        let folder = TemporaryFolder()
        let path = folder.file("absent")
        let error = try #require(throws: IOError.self) { _ = try OpenFile.forReading(path, direct: true) }
        #expect(error == IOError("open", path, .noSuchFileOrDirectory))
        #expect(try FileSystem.status(path) == nil)
        #expect(try FileSystem.status(try folder.write([1], "file").appending("below")) == nil)
        try FileSystem.remove(path)
        let existing = try #require(throws: IOError.self) {
            _ = try OpenFile.creating(folder.file("file"), direct: true)
        }
        #expect(existing == IOError("create", folder.file("file"), .fileExists))
    }

    @Test func statusSeesSizeTimeTypeAndLinks() throws {
        let folder = TemporaryFolder()
        let path = try folder.write([1, 2, 3], "file")
        let status = try #require(try FileSystem.status(path))
        #expect(status.size == 3 && status.isRegular && !status.isDirectory && status.linkCount == 1)
        #expect(status.userID == getuid())
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        #expect(abs(status.modified - Int64(now.tv_sec) * 1_000_000_000) < 60_000_000_000)
        try #require(symlink("file", folder.file("link").string) == 0)
        #expect(try FileSystem.status(folder.file("link"), followLinks: false)?.isLink == true)
        #expect(try FileSystem.status(folder.file("link"))?.inode == status.inode)
        #expect(try FileSystem.resolved(folder.file("link")).lastComponent?.string == "file")
        #expect(try FileSystem.freeSpace(at: folder.path) > 0)
    }

    @Test func directIsOnlyForFileSystemsThatHaveIt() throws {
        let folder = TemporaryFolder(in: "/tmp")
        let path = try folder.write([1], "file")
        #expect(try !OpenFile.forReading(path, direct: false).reference.isDirect)
        let virtual = try OpenFile.forReading("/proc/self/status", direct: true)
        #expect(!virtual.reference.isDirect)
        #expect(try !virtual.read(upTo: 100, at: 0).isEmpty)
    }

    @Test(arguments: [true, false])
    func openFilesWaitForTheirData(_ isDirect: Bool) throws {
        let folder = TemporaryFolder()
        let path = try folder.write([1], "file")
        func isNonBlocking(_ file: borrowing OpenFile) -> Bool {
            fcntl(file.reference.descriptor, F_GETFL) & O_NONBLOCK != 0
        }
        #expect(try !isNonBlocking(OpenFile.forReading(path, direct: isDirect)))
        #expect(try !isNonBlocking(OpenFile.forUpdating(path, direct: isDirect)))
    }

    @Test func appendsAtTheEnd() throws {
        let folder = TemporaryFolder()
        let path = try folder.write([1, 2], "journal")
        let file = try OpenFile.forUpdating(path, direct: false)
        try file.append([3])
        try file.truncate(to: 1)
        try file.append([7, 8])
        try file.sync()
        #expect(try FileSystem.readWhole(path, limit: 10) == [1, 7, 8])
        #expect(try file.read(upTo: 10, at: 1) == [7, 8])
    }

    @Test func reservesSpaceThatIsThere() throws {
        let folder = TemporaryFolder()
        let file = try OpenFile.creating(folder.file("file"), direct: true)
        try file.reserve(1 << 20)
        let status = try file.status()
        #expect(status.size == 1 << 20 && status.allocatedSize >= 1 << 20)
        let error = try #require(throws: IOError.self) { try file.reserve(1 << 60) }
        #expect([.noSpace, .fileTooLarge].contains(error.errno))
    }
}
