import Dispatch
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

    /// A process that was thought lost with its machine may come back and append to the journal of a part that another
    /// has ended meanwhile.
    @Test func whatIsAppendedBehindTheEndIsNotAssembled() throws {
        let part = try #require(MergePart(index: 0, count: 1))
        let run = PartRun(merge(), part)
        _ = try run.perform(progress: MergeProgress(), stop: StopRequest())
        let journal = folder.appending(".Out.journals").appending("0-of-1.journal")
        let bytes = try FileSystem.readWhole(journal, limit: 1 << 20)
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
        let written = try #require(
            lines.first { if case .written? = JournalRecord(line: $0) { true } else { false } })
        let file = try OpenFile.forUpdating(journal, direct: false)
        try file.append(Array(written) + [UInt8(ascii: "\n")])
        guard case .builtBefore = try run.perform(progress: MergeProgress(), stop: StopRequest()) else {
            Issue.record("it was built again")
            return
        }
        let outcome = try PartAssembly(merge()).perform(
            waits: false, progress: MergeProgress(), stop: StopRequest())
        guard case .assembled = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(try FileSystem.entries(of: folder) == ["Out"])
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

    private func build(_ index: Int) throws {
        let part = try #require(MergePart(index: index, count: 2))
        _ = try PartRun(merge(), part).perform(progress: MergeProgress(), stop: StopRequest())
    }

    private func assemble(_ assembly: PartAssembly) throws -> PartAssembly.Outcome {
        try assembly.perform(waits: false, progress: MergeProgress(), stop: StopRequest())
    }

    /// One part ends and looks for the others; before it lets go, the last one ends, finds somebody assembling, and leaves.
    @Test func whoeverLookedTooEarlyLooksAgain() throws {
        // The other has no file.
        try build(1)
        let others = Mutex([PartAssembly.Outcome]())
        nonisolated(unsafe) let suite = self
        let outcome = try assemble(
            PartAssembly(
                merge(),
                looked: {
                    guard others.withLock({ $0.isEmpty }) else { return }
                    do {
                        try suite.build(0)
                        let other = try suite.assemble(PartAssembly(suite.merge()))
                        others.withLock { $0.append(other) }
                    } catch {
                        Issue.record(error)
                    }
                }))
        guard case .underWay? = others.withLock({ $0.first }), case .assembled = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(try FileSystem.status(output)?.isDirectory == true)
    }

    /// Those who assemble give up their lock before the last steps; a part that ends just then leaves them to it.
    @Test func theLastStepsOfAnotherAreLeftToIt() throws {
        _ = try PartRun(merge(), MergePart(index: 0, count: 1)!).perform(
            progress: MergeProgress(), stop: StopRequest())
        _ = try assemble(PartAssembly(merge()))
        // As the journal of the whole is then: it says complete, and another has it.
        let journal = try MergeJournal.create(
            folder.appending(".Out.journal"), for: PartDivisionTests.identity)
        try journal.append(.built(BuiltParts(seconds: 1, audit: nil)))
        try journal.append(.complete)
        let outcome = try assemble(PartAssembly(merge()))
        guard case .published = outcome else {
            Issue.record("\(outcome)")
            return
        }
        withExtendedLifetime(journal) {}
    }

    /// What a part has left is seen a moment later than it was written.
    @Test(arguments: [true, false])
    func whereThisMachineMayBeBehindItLooksOnceMore(_ mayBeBehind: Bool) throws {
        for index in 0..<2 { try build(index) }
        let journal = folder.appending(".Out.journals").appending("0-of-2.journal")
        let unseen = folder.appending("unseen")
        try FileSystem.rename(journal, to: unseen, replacing: false)
        let assembly = PartAssembly(
            merge(),
            mayBeBehind: { _ in
                // While it waits.
                if mayBeBehind {
                    DispatchQueue.global().asyncAfter(deadline: .now() + 0.5) {
                        try? FileSystem.rename(unseen, to: journal, replacing: false)
                    }
                }
                return mayBeBehind
            }, looked: {})
        let outcome = try assemble(assembly)
        switch outcome {
        case .assembled: #expect(mayBeBehind)
        case .waiting(let parts, of: 2): #expect(!mayBeBehind && parts == [0])
        default: Issue.record("\(outcome)")
        }
    }
}
