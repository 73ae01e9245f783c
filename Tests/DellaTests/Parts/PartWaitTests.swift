import Glibc
import StreamIO
import Synchronization
import SystemPackage
import Testing

@testable import Della

/// Parts whose lock is held by a process of another machine, which may be gone.
@Suite struct PartWaitTests {
    let models: TinyModels
    let folder: FilePath
    let output: FilePath

    init() throws {
        models = try TinyModels()
        try models.makeModels(namedIn: "Test/Base Test/One")
        folder = models.folder.appending("output")
        output = folder.appending("Out")
        try FileSystem.createFolder(folder)
    }

    func merge(_ said: @escaping @Sendable (String) -> Void = { _ in }) -> PartedMerge {
        PartedMerge(
            MergePlanner(library: models.library),
            text: Array(RecipeRuleTests.document(nil, "Test/Base", "Test/One").utf8), fileName: "merge.yml",
            output: output, options: MergeOptions(memory: 64 << 20, threads: 1, engine: .posix), report: said)
    }

    private var lockFile: FilePath { folder.appending(".Out.journals").appending("0-of-1.lock") }

    /// Has the lock, as a process of another machine would.
    private func lockElsewhere() throws -> FileLock {
        let lock = try FileLock.take(lockFile)
        let file = try OpenFile.forUpdating(lockFile, direct: false)
        try file.truncate(to: 0)
        try file.append(Array("4711 another-boot node7\n".utf8))
        return lock
    }

    @Test func itIsWaitedForAndTheRemarkNamesIt() throws {
        let said = Mutex([String]())
        let lock = Mutex<FileLock?>(try lockElsewhere())
        let merge = merge { text in
            said.withLock { $0.append(text) }
            // As if it had ended just then.
            lock.withLock { $0 = nil }
        }
        let outcome = try PartRun(merge, MergePart(index: 0, count: 1)!).perform(
            progress: MergeProgress(), stop: StopRequest())
        guard case .built = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(said.withLock { $0.first }?.contains("held by process 4711 on node7") == true)
    }

    @Test func theWaitHasAnEnd() throws {
        let lock = try lockElsewhere()
        let run = PartRun(merge(), MergePart(index: 0, count: 1)!, patience: .milliseconds(500))
        let error = #expect(throws: RecipeError.self) {
            try run.perform(progress: MergeProgress(), stop: StopRequest())
        }
        guard case .failure(let failure)? = error else { return }
        #expect(failure.kind == .underWay && failure.exitCode == 75)
        #expect(failure.message.contains("process 4711 on node7"))
        withExtendedLifetime(lock) {}
    }

    @Test func aStopEndsTheWait() throws {
        let lock = try lockElsewhere()
        let stop = StopRequest()
        let run = PartRun(merge { _ in stop.request() }, MergePart(index: 0, count: 1)!)
        let error = #expect(throws: RecipeError.self) {
            try run.perform(progress: MergeProgress(), stop: stop)
        }
        guard case .failure(let failure)? = error else { return }
        #expect(failure.kind == .stopped)
        withExtendedLifetime(lock) {}
    }

    /// A folder that assembly removes while a part looks in.
    @Test func whatIsLeftOfAnAssembledMergeIsNotBegunAgain() throws {
        for _ in 0..<2 {
            _ = try PartRun(merge(), MergePart(index: 0, count: 1)!).perform(
                progress: MergeProgress(), stop: StopRequest())
            let outcome = try PartAssembly(merge()).perform(
                waits: false, progress: MergeProgress(), stop: StopRequest())
            if case .waiting = outcome { Issue.record("\(outcome)") }
            #expect(try FileSystem.entries(of: folder) == ["Out"])
            try FileSystem.createFolder(folder.appending(".Out.journals"))
            let again = try PartAssembly(merge()).perform(
                waits: false, progress: MergeProgress(), stop: StopRequest())
            guard case .published = again else {
                Issue.record("\(again)")
                return
            }
            #expect(try FileSystem.entries(of: folder) == ["Out"])
        }
    }
}
