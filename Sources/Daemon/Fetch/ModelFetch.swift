import Della
import Glibc
import StreamIO
import SystemPackage

/// Fetches one model, once: what there is, whether there is room, the download, whether it is what was listed, its name.
///
/// What came stays where a run fails or is ended, and the next goes on from there, as far as the downloader can.
struct ModelFetch {
    /// What a run is doing.
    enum Step: String, Hashable, Sendable {
        case listing, fetching, checking
    }

    /// How far it is.
    struct Progress: Hashable, Sendable {
        var step: Step
        var bytesDone: UInt64 = 0
        /// `nil` until the files are listed.
        var bytesTotal: UInt64?
    }

    /// What it came to: the commit, where the hub tells one, and the folder that the model is in now.
    struct Result: Hashable, Sendable {
        var commit: String?
        var folder: FilePath
        var bytes: UInt64
    }

    /// Bytes of a listing, at most.
    static let listingLimit = 64 << 20
    /// How long a downloader may run on without a byte; it is ended then, and the fetch tried again.
    private static let silenceLimit = Duration.seconds(900)

    let model: HubModel
    let store: FetchStore
    let command: FetchCommandLine
    let space: FetchSpace
    let token: FetchToken
    /// The downloader's, to which the token is added.
    let environment: [String: String]
    /// Told often how far it is; the answer is whether it goes on.
    let report: (Progress) -> Bool

    /// Does it.
    func perform() throws(FetchFailure) -> Result {
        guard report(Progress(step: .listing)) else { throw .stopped }
        do {
            try Spool.createFolders(to: store.staging)
        } catch {
            throw FetchFailure(error)
        }
        let listing = command.canList ? try list() : nil
        let commit = listing?.commit
        let lock = try lock(commit)
        let result = try fetch(listing, commit)
        _ = consume lock
        return result
    }

    private func fetch(_ listing: HubListing?, _ commit: String?) throws(FetchFailure) -> Result {
        do {
            let target = store.snapshot(model, commit: commit)
            if try store.holds(model, commit: commit) {
                try store.point(model, to: commit)
                return Result(commit: commit, folder: target, bytes: FetchedModel(in: target)?.bytes ?? 0)
            }
            let folder = try store.prepare(model, commit: commit)
            FetchStore.removeLeftovers(in: folder)
            let files: [HubFile]
            if let listing {
                files = try download(listing, to: folder)
            } else {
                files = try downloadByPatterns(to: folder)
            }
            let bytes = files.reduce(UInt64(0)) { $0.addingSaturated($1.size) }
            try seal(files, in: folder, commit: commit, bytes: bytes)
            try store.publish(model, commit: commit)
            try store.point(model, to: commit)
            return Result(commit: commit, folder: target, bytes: bytes)
        } catch let error as IOError {
            throw FetchFailure(error)
        } catch let failure as FetchFailure {
            throw failure
        } catch {
            throw FetchFailure(.permanent, "\(error)", "report it")
        }
    }

    /// Another process may be at it: it is waited for.
    private func lock(_ commit: String?) throws(FetchFailure) -> OpenFile {
        let name = store.staging(model, commit: commit).lastComponent?.string ?? ""
        let path = store.staging.appending(".\(name).lock")
        while true {
            do throws(IOError) {
                if try FileSystem.status(path, followLinks: false) == nil {
                    do throws(IOError) {
                        try FileSystem.writeWhole([], to: path, sync: false)
                    } catch {
                        guard error.errno == .fileExists else { throw error }
                    }
                }
                let file = try OpenFile.forUpdating(path, direct: false)
                try file.lock()
                return file
            } catch {
                guard error.errno == .resourceTemporarilyUnavailable || error.errno == .wouldBlock else {
                    throw FetchFailure(error)
                }
            }
            guard report(Progress(step: .listing)) else { throw .stopped }
            usleep(200_000)
        }
    }

    // MARK: What there is

    private func list() throws(FetchFailure) -> HubListing {
        let information = try run(command.informationArguments(for: model), outputLimit: Self.listingLimit) {
            report(Progress(step: .listing))
        }
        guard let commit = HubListing.commit(in: information.output) else {
            throw FetchFailure(
                .permanent, "\(command.text): tells no commit of \(model)",
                "update it: pip install -U huggingface_hub")
        }
        let list = try run(command.listArguments(for: model, commit: commit), outputLimit: Self.listingLimit)
        {
            report(Progress(step: .listing))
        }
        guard !list.isOutputCut, let listing = HubListing(commit: commit, list.output) else {
            throw FetchFailure(
                .permanent, "\(command.text): lists no files of \(model)",
                "update it: pip install -U huggingface_hub")
        }
        return listing
    }

    // MARK: The download

    private func download(_ listing: HubListing, to folder: FilePath) throws -> [HubFile] {
        let files = WantedFiles.of(listing.files)
        guard !files.isEmpty else {
            throw FetchFailure(.permanent, "\(model): has no file that a merge needs", "check the name")
        }
        let total = files.reduce(UInt64(0)) { $0.addingSaturated($1.size) }
        try checkSpace(for: total, in: folder)
        let arguments = command.arguments(
            for: model, revision: listing.commit, include: files.map(\.path), folder: folder)
        try download(arguments, to: folder, total: total)
        try check(files, in: folder, total: total)
        return files
    }

    private func downloadByPatterns(to folder: FilePath) throws -> [HubFile] {
        for patterns in [WantedFiles.patterns, WantedFiles.torchPatterns] {
            let arguments = command.arguments(
                for: model, revision: model.revision, include: patterns, folder: folder)
            try download(arguments, to: folder, total: nil)
            let files = WantedFiles.of(try FetchStore.files(in: folder))
            if files.contains(where: { $0.path.hasSuffix(".safetensors") })
                || patterns == WantedFiles.torchPatterns
            {
                guard !files.isEmpty else {
                    throw FetchFailure(
                        .permanent, "nothing came that a merge needs", "look at fetch_command")
                }
                return files
            }
        }
        return []
    }

    private func download(_ arguments: [String], to folder: FilePath, total: UInt64?) throws(FetchFailure) {
        var last = (bytes: UInt64(0), time: ContinuousClock.now)
        var isSilent = false
        var next = ContinuousClock.now
        do throws(FetchFailure) {
            _ = try run(arguments) {
                guard .now >= next else { return true }
                next = .now + .milliseconds(500)
                let bytes = FetchStore.bytes(in: folder)
                if bytes != last.bytes { last = (bytes, .now) }
                isSilent = .now - last.time > Self.silenceLimit
                let done = total.map { min($0, bytes) } ?? bytes
                return report(Progress(step: .fetching, bytesDone: done, bytesTotal: total)) && !isSilent
            }
        } catch {
            guard isSilent, error.kind == .stopped else { throw error }
            throw FetchFailure(
                .passing, "no byte came for \(Figure.duration(Self.silenceLimit / .seconds(1)))",
                "look at the network, then ask again: what came is kept")
        }
    }

    private func checkSpace(for total: UInt64, in folder: FilePath) throws {
        let there = FetchStore.bytes(in: folder)
        let missing = space.missing(
            for: total - min(total, there), held: store.heldBytes.addingSaturated(there),
            on: try FileSystem.space(at: folder))
        guard missing > 0 else { return }
        throw FetchFailure(
            .full,
            "\(store.root): the disk lacks \(Figure.bytes(missing)) for \(model), which has \(Figure.bytes(total))",
            "free as much there, or raise fetch_space")
    }

    // MARK: Whether it is what was listed

    private func check(_ files: [HubFile], in folder: FilePath, total: UInt64) throws {
        var done: UInt64 = 0
        for file in files {
            guard report(Progress(step: .checking, bytesDone: total, bytesTotal: total)) else {
                throw FetchFailure.stopped
            }
            if let problem = try problem(of: file, in: folder) {
                // Nothing is to go on with it.
                try FileSystem.remove(folder.pushing(FilePath(file.path)))
                let notes = folder.appending(".cache").appending("huggingface").appending("download")
                try FileSystem.remove(notes.pushing(FilePath(file.path + ".metadata")))
                throw FetchFailure(
                    .damaged, "\(model): \(file.path) \(problem)",
                    "look at the network and what is between, then ask again")
            }
            done += file.size
        }
    }

    private func problem(of file: HubFile, in folder: FilePath) throws -> String? {
        let path = folder.pushing(FilePath(file.path))
        guard let status = try FileSystem.status(path, followLinks: false), status.isRegular else {
            return "did not come"
        }
        guard status.size == file.size else {
            return "has \(status.size) bytes, and the hub lists \(file.size)"
        }
        guard let expected = file.sha256 else { return nil }
        let found = try sha256(of: path)
        return found == expected ? nil : "has the SHA-256 \(found), and the hub lists \(expected)"
    }

    private func sha256(of path: FilePath) throws -> String {
        let file = try OpenFile.forReading(path, direct: false)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var hash = SHA256()
        var offset: UInt64 = 0
        while true {
            let count = try file.read(into: buffer, at: offset)
            guard count > 0 else { break }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += UInt64(count)
            guard report(Progress(step: .checking, bytesDone: offset, bytesTotal: nil)) else {
                throw FetchFailure.stopped
            }
        }
        return hash.digest.hexadecimal
    }

    // MARK: Its end

    /// Leaves the files that are wanted and nothing else, on the disk, with a note that dellad fetched them.
    private func seal(_ files: [HubFile], in folder: FilePath, commit: String?, bytes: UInt64) throws {
        let wanted = Set(files.map(\.path))
        for file in try FetchStore.files(in: folder) where !wanted.contains(file.path) {
            try FileSystem.remove(folder.pushing(FilePath(file.path)))
        }
        for name in try FileSystem.entries(of: folder, limit: HubListing.fileLimit) where name.hasPrefix(".")
        {
            try FileSystem.removeTree(folder.appending(name))
        }
        var folders: Set<FilePath> = [folder]
        for file in files {
            let path = folder.pushing(FilePath(file.path))
            try OpenFile.forReading(path, direct: false).sync()
            folders.insert(path.removingLastComponent())
        }
        try FetchedModel(model: model, commit: commit, bytes: bytes, fetched: .now).write(in: folder)
        for folder in folders { try FileSystem.syncFolder(folder) }
    }

    /// Runs the program, which must end well.
    private func run(
        _ arguments: [String], outputLimit: Int = 32 << 10, goesOn: () -> Bool
    ) throws(FetchFailure) -> ChildProcess.Ending {
        let child = ChildProcess(
            arguments: arguments, environment: token.added(to: environment), outputLimit: outputLimit)
        var isStopped = false
        let ending = try child.run {
            isStopped = isStopped || !goesOn()
            return !isStopped
        }
        if isStopped { throw .stopped }
        guard ending.code == 0 else {
            let said =
                ending.words.isEmpty
                ? String(decoding: ending.output.suffix(4096), as: UTF8.self) : ending.words
            let program = FilePath(arguments.first ?? "").lastComponent?.string ?? ""
            throw FetchFailure(of: program, code: ending.code, words: token.removed(from: said))
        }
        return ending
    }
}
