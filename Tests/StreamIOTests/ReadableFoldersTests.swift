import Dispatch
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import StreamIO

/// Files are read from the folders that were named, whatever links say and whenever they are put there.
@Suite struct ReadableFoldersTests {
    /// Two roots and a secret beside.
    private struct Place: ~Copyable {
        let folder = TemporaryFolder()
        let one: FilePath
        let two: FilePath
        let readable: ReadableFolders

        init() throws {
            one = folder.file("one")
            two = folder.file("two")
            for path in [one, two, one.appending("model"), one.appending("blobs"), two.appending("model")] {
                try FileSystem.createFolder(path)
            }
            try folder.write(Array("secret".utf8), "secret")
            for path in [one.appending("blobs").appending("b"), two.appending("model").appending("b")] {
                try FileSystem.writeWhole(Array("weights".utf8), to: path, sync: false)
            }
            readable = ReadableFolders([one, two])
        }

        func link(_ name: String, to target: String) throws -> FilePath {
            let path = one.appending("model").appending(name)
            try #require(symlink(target, path.string) == 0)
            return path
        }
    }

    private func text(_ place: borrowing Place, _ path: FilePath) throws -> String {
        String(decoding: try place.readable.readWhole(path, limit: 100), as: UTF8.self)
    }

    @Test func linksWithinTheFoldersAreFollowed() throws {
        let place = try Place()
        let two = place.two.appending("model").appending("b").string
        for (name, target) in [
            ("relative", "../blobs/b"), ("absolute", place.one.appending("blobs").appending("b").string),
            ("across", two), ("chain", "relative"), ("out-and-in", "../../two/model/b"),
        ] {
            let path = try place.link(name, to: target)
            #expect(try text(place, path) == "weights", "\(name)")
            #expect(place.readable.permits(path))
            #expect(try place.readable.status(path)?.isRegular == true)
        }
        let folder = try place.link("folder", to: "../blobs")
        #expect(try place.readable.entries(of: folder) == ["b"])
        #expect(try text(place, folder.appending("b")) == "weights")
        // A root may be reached by a link, and be one.
        let alias = place.folder.file("alias")
        try #require(symlink("one", alias.string) == 0)
        let aliased = ReadableFolders([alias])
        #expect(try aliased.readWhole(alias.appending("blobs").appending("b"), limit: 100).count == 7)
        #expect(try aliased.readWhole(place.one.appending("blobs").appending("b"), limit: 100).count == 7)
    }

    /// Whether or not anything is there.
    @Test(arguments: [
        "../../secret", "../../absent", "SECRET", "ABSENT", "/etc/passwd", "/etc/no-such-file",
        "/proc/self/root/etc/passwd",
        "../../one/../secret", "/dev/null", "/dev/no-such-device",
    ])
    func linksOutOfTheFoldersLeadNowhere(target: String) throws {
        let place = try Place()
        let target = target.replacing("SECRET", with: place.folder.file("secret").string)
            .replacing("ABSENT", with: place.folder.file("absent").string)
        let path = try place.link("x", to: target)
        for error in [
            #expect(throws: IOError.self) { _ = try place.readable.open(path) },
            #expect(throws: IOError.self) { _ = try place.readable.status(path) },
            #expect(throws: IOError.self) { _ = try place.readable.entries(of: path) },
        ] {
            #expect(error?.errno == .improperLink, "\(target): \(String(describing: error))")
        }
        #expect(!place.readable.permits(path))
        // By the path itself, too.
        let direct = place.one.pushing(FilePath(target))
        let error = #expect(throws: IOError.self) { _ = try place.readable.status(direct) }
        #expect(error?.errno == .improperLink, "\(target)")
    }

    @Test func whatIsMissingWithinIsMissing() throws {
        let place = try Place()
        let dangling = try place.link("x", to: "../blobs/absent")
        #expect(try place.readable.status(dangling) == nil)
        #expect(try place.readable.status(place.one.appending("absent")) == nil)
        let error = #expect(throws: IOError.self) { _ = try place.readable.open(dangling) }
        #expect(error?.errno == .noSuchFileOrDirectory)
        let none = ReadableFolders([place.folder.file("no-such-root")])
        #expect(!none.permits(place.one))
    }

    @Test func nothingButFilesIsOpened() throws {
        let place = try Place()
        let model = place.one.appending("model")
        try #require(mkfifo(model.appending("pipe").string, 0o644) == 0)
        // Only root may make one.
        _ = mknod(model.appending("null").string, S_IFCHR | 0o666, 0x103)
        for folders in [place.readable, .all] {
            for name in ["pipe", "null", "."]
            where FilePath(name) == "." || access(model.appending(name).string, F_OK) == 0 {
                let start = ContinuousClock.now
                let error = #expect(throws: IOError.self) { _ = try folders.open(model.appending(name)) }
                #expect(error?.errno == (name == "." ? .isDirectory : .invalidArgument), "\(name)")
                // A pipe that is waited for has no end.
                #expect(start.duration(to: .now) < .seconds(60))
            }
        }
        let device = #expect(throws: IOError.self) { _ = try ReadableFolders.all.open("/dev/zero") }
        #expect(device?.errno == .invalidArgument)
    }

    @Test func aFileIsReadDirectlyWhereThatCanBe() throws {
        let place = try Place()
        let path = try place.link("x", to: "../blobs/b")
        let ours = try place.readable.open(path, direct: true)
        let plain = try OpenFile.forReading(path, direct: true)
        #expect(ours.reference.isDirect == plain.reference.isDirect)
        #expect(ours.path == path)
    }

    /// A file becomes a link to a secret and back, thousands of times.
    @Test func aLinkPutInPlaceMeanwhileIsNotFollowed() throws {
        let place = try Place()
        let path = place.one.appending("model").appending("t")
        try FileSystem.writeWhole(Array("weights".utf8), to: path, sync: false)
        let swapping = Swapping(path.string)
        swapping.start()
        defer { swapping.end() }
        var read = 0, refused = 0
        let start = ContinuousClock.now
        // Longer where a busy machine lets only one of the two come to anything.
        while start.duration(to: .now) < ((read > 0 && refused > 0) ? .seconds(3) : .seconds(60)) {
            do throws(IOError) {
                let bytes = try place.readable.readWhole(path, limit: 100)
                #expect(String(decoding: bytes, as: UTF8.self) == "weights")
                read += 1
            } catch {
                refused += 1
            }
        }
        #expect(read > 0 && refused > 0, "\(read) read, \(refused) refused")
    }
}

/// Puts a link and a file in each other's place until it is told to end.
private final class Swapping: Sendable {
    private let path: String
    private let isOver = Atomic(false)
    private let ended = DispatchSemaphore(value: 0)

    init(_ path: String) { self.path = path }

    func start() {
        DispatchQueue.global().async { [self] in
            while !isOver.load(ordering: .relaxed) {
                symlink("../../secret", path + ".l")
                rename(path + ".l", path)
                let file = open(path + ".f", O_CREAT | O_WRONLY | O_TRUNC, 0o644)
                write(file, "weights", 7)
                close(file)
                rename(path + ".f", path)
            }
            ended.signal()
        }
    }

    func end() {
        isOver.store(true, ordering: .relaxed)
        ended.wait()
    }
}
