import Glibc
import StreamIO
import SystemPackage

@testable import Daemon

/// What people and their programs do.
extension SpoolWorld {
    /// A name's path: its bytes as they are.
    private func path(_ name: String, in area: String) -> FilePath {
        let bytes = Array(place(area).string.utf8) + [47] + SpoolSight.bytes(name) + [0]
        return bytes.withUnsafeBytes { raw in
            raw.bindMemory(to: CChar.self).baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }

    func people(do act: SpoolAct) throws {
        switch act {
        case .write(let name, let area, let kind, let time, let manner, let isHeard):
            write(name, in: area, kind, at: time, manner)
            if isHeard, area == "incoming", manner != .link { hear(name) }
        case .submit(let name, let kind, let isFirst): try submit(name, kind, isFirst)
        case .cancel(let name): command(name, ".cancel") { try CancelCommand.parse($0).run() }
        case .retry(let name): command(name, ".retry") { try RetryCommand.parse($0).run() }
        case .request(let name, let time, let isHeard):
            let file = create(path(name, in: "incoming"))
            if file >= 0 { close(file) }
            date(path(name, in: "incoming"), time)
            if isHeard { hear(name) }
        case .move(let name, let area, let other, let target, let copies, let isHeard):
            move(path(name, in: area), to: path(other, in: target), copies: copies)
            if isHeard, target == "incoming" { hear(other) }
        case .remove(let name, let area): try? FileSystem.removeTree(path(name, in: area))
        case .touch(let name, let area, let time): date(path(name, in: area), time)
        case .chmod(let name, let area, let mode):
            _ = path(name, in: area).withPlatformString { Glibc.chmod($0, mode_t(mode)) }
        case .stranger(let name, let area, let kind): leave(path(name, in: area), kind)
        case .removeFolder(let area, let obstructs):
            try? FileSystem.removeTree(place(area))
            if obstructs { try? place(area).write("in the way") }
        default: break
        }
    }

    /// As inotify tells it.
    private func hear(_ name: String) {
        let text = String(decoding: SpoolSight.bytes(name), as: UTF8.self)
        guard !disk.isDead else { return }
        machine.noticed(text, now: now)
    }

    private func create(_ path: FilePath, truncates: Bool = false) -> Int32 {
        path.withPlatformString {
            open(
                $0, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (truncates ? O_TRUNC : 0),
                0o644)
        }
    }

    private func put(_ text: String, _ file: Int32) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(file, bytes, bytes.count)
    }

    private func date(_ path: FilePath, _ seconds: Int) {
        var times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        _ = path.withPlatformString { utimensat(AT_FDCWD, $0, &times, AT_SYMLINK_NOFOLLOW) }
    }

    private func write(
        _ name: String, in area: String, _ kind: String, at time: Int, _ manner: SpoolAct.Manner
    ) {
        let target = path(name, in: area)
        switch manner {
        case .cp, .truncate, .pieces:
            let file = create(target, truncates: manner != .truncate)
            guard file >= 0 else { return }
            defer { close(file) }
            if manner == .truncate { ftruncate(file, 0) }
            put(config(kind), file)
            if manner == .pieces {
                // The daemon goes on meanwhile.
                changed(since: sight)
                pass(3)
                put("# \(config("rest"))", file)
            }
            var times = [timespec(tv_sec: time, tv_nsec: 0), timespec(tv_sec: time, tv_nsec: 0)]
            futimens(file, &times)
        case .mv, .editor, .link:
            let draft = path(
                manner == .editor ? ".draft.swp" : "draft", in: manner == .editor ? area : "outside")
            let file = create(draft, truncates: true)
            guard file >= 0 else { return }
            put(config(kind), file)
            close(file)
            date(draft, time)
            let isLink = manner == .link
            draft.withPlatformString { old in
                target.withPlatformString { new in
                    if isLink { _ = link(old, new) }
                    // A second file by the name of the draft is another file.
                    if !isLink { _ = Glibc.rename(old, new) }
                    unlink(old)
                }
            }
        }
    }

    private func submit(_ name: String, _ kind: String, _ isFirst: Bool) throws {
        let file = place("outside") / "submitted.yml"
        try? FileSystem.remove(file)
        try file.write(config(kind))
        defer { try? FileSystem.remove(file) }
        guard let job = JobName(name) else { return }
        let command = try SubmitCommand.parse(
            [file.string, "--spool", spool.root.string] + (isFirst ? ["--first"] : []))
        guard (try? command.drop(ConfigFile(reading: file.string), job, spool)) != nil else { return }
        hear("\(name).yml")
    }

    private func command(_ name: String, _ ending: String, _ run: ([String]) throws -> Void) {
        let there = SpoolStep.configs(of: sight).filter {
            $0.job == name && (ending == ".cancel" ? $0.area != "done" : $0.area == "failed")
        }
        do {
            let before = sight
            try run(["--spool", spool.root.string, "--", name])
            changed(since: before)
            let request = sight["incoming"][name + ending]
            // Without its config a job goes on until it has ended.
            let goesOn =
                ending == ".cancel"
                && SpoolJudge.Record(before["status"]["\(name).json"]).map { !$0.hasEnded } ?? false
            if there.isEmpty && !goesOn || request?.kind != .file {
                judge.find(
                    "command",
                    "\(ending) of \(name): was taken, there is \(there), the request \(String(describing: request))"
                )
            }
            if ending == ".cancel", let request,
                there.contains(where: { $0.area != "failed" && $0.item.modified > request.modified })
            {
                judge.find("command", "\(name).cancel is older than what it is to cancel")
            }
            hear(name + ending)
        } catch {
            let isBlocked = sight["incoming"][name + ending].map { $0.kind != .file } ?? false
            let isSpool = SpoolSight.areas.allSatisfy {
                (try? FileSystem.status(place($0)))??.isDirectory ?? false
            }
            if !there.isEmpty, !isBlocked, isSpool { judge.find("command", "\(ending) of \(name): \(error)") }
        }
    }

    private func move(_ from: FilePath, to: FilePath, copies: Bool) {
        guard copies else {
            from.withPlatformString { old in to.withPlatformString { _ = Glibc.rename(old, $0) } }
            return
        }
        // Which is another config.
        guard from.exists else { return }
        let file = create(to, truncates: true)
        guard file >= 0 else { return }
        put(config(String(from.text.prefix { $0 != "\n" })), file)
        close(file)
    }

    private func leave(_ path: FilePath, _ kind: SpoolAct.Stranger) {
        guard !path.exists else { return }
        switch kind {
        case .file, .large:
            let file = create(path)
            guard file >= 0 else { return }
            put("a stranger's", file)
            if kind == .large { ftruncate(file, (1 << 20) + 1) }
            close(file)
        case .folder:
            _ = path.withPlatformString { mkdir($0, 0o755) }
            try? (path / "inside").write("a stranger's")
        case .link, .dangling:
            let target = place("outside") / (kind == .link ? "secret" : "nothing")
            if kind == .link, !target.exists { try? target.write("secret") }
            target.withPlatformString { old in path.withPlatformString { _ = symlink(old, $0) } }
        case .pipe: _ = path.withPlatformString { mkfifo($0, 0o644) }
        }
    }
}
