import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// What others may leave in the folders that they can write in.
@Suite struct ForeignFileTests {
    /// Names are everybody's: what is no file keeps nobody's command from being heard.
    @Test(arguments: ["z.retry", "z.cancel", "z.yml", "z.yaml"], [false, true])
    func aFolderInPlaceOfAFileIsPutAside(fileName: String, isWhileMerging: Bool) throws {
        let rig = try SpoolRig()
        if isWhileMerging {
            try rig.drop("z.yml", "wait")
            rig.settle()
            _ = try rig.start()
        }
        let folder = rig.spool.incoming(fileName)
        try FileSystem.createFolder(folder)
        try (folder / "x").write("x")
        rig.machine.noticed(fileName, now: rig.now)
        rig.settle()
        let left = rig.names(in: .incoming)
        #expect(
            left.count == 1 && left[0].hasPrefix(".\(fileName).") && left[0].hasSuffix(".aside"), "\(left)")
        #expect((rig.spool.folder(.incoming) / (left.first ?? "") / "x").text == "x")
        for _ in 0..<3 { rig.settle(after: 31) }
        #expect(rig.lines.all.count { $0.contains("incoming/\(fileName): renamed") } == 1, "\(rig.lines.all)")
        #expect(rig.names(in: .failed).isEmpty)
        // The name is free again.
        try rig.drop(fileName, "")
        rig.settle(after: 31)
        if !isWhileMerging { #expect(rig.names(in: .incoming) == left) }
    }

    @Test func millionsOfNamesAreLookedAtInTurn() throws {
        let rig = try SpoolRig()
        var watch = IncomingWatch()
        for number in 0..<IncomingWatch.candidateLimit + 10 {
            _ = watch.noticed("j\(number).yml", now: rig.now)
        }
        #expect(watch.candidates.count == IncomingWatch.candidateLimit)
        for number in 0..<5 { try rig.drop("a\(number).yml", notice: false) }
        #expect(try FileSystem.entries(of: rig.spool.folder(.incoming), limit: 3).count == 3)
        #expect(try rig.spool.entries(in: .incoming).count == 5)
    }

    @Test func aConfigThatCannotBeTakenIsTriedOnceAScan() throws {
        let rig = try SpoolRig()
        try FileSystem.removeTree(rig.spool.folder(.active))
        try rig.spool.folder(.active).write("in the way")
        try rig.drop("a.yml")
        for _ in 0..<20 { rig.settle(after: 1) }
        #expect(rig.lines.all.count { $0.contains("take a.yml") } == 1)
        rig.settle(after: 31)
        for _ in 0..<10 { rig.settle(after: 1) }
        #expect(rig.lines.all.count { $0.contains("take a.yml") } == 2)
        try FileSystem.remove(rig.spool.folder(.active))
        #expect(rig.runAll() == ["a"])
    }

    @Test(arguments: [".w.error.txt.tmp", "w.error.txt", "w.yml"])
    func aFolderInTheWayKeepsNoJobFromFailing(obstacle: String) throws {
        let rig = try SpoolRig()
        try rig.drop("w.yml", "fail")
        rig.settle()
        let run = try rig.start()
        let path = rig.spool.folder(.failed) / obstacle
        try FileSystem.createFolder(path)
        try (path / "x").write("x")
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.status("w")?.state == .failed)
        #expect(rig.reason("w") == "it fails (do not)\n")
        #expect((rig.spool.folder(.failed) / "w.yml").text == "fail")
        #expect(rig.names(in: .active).isEmpty)
    }

    @Test func whatCannotBeRemovedIsPutAside() throws {
        let rig = try SpoolRig()
        let failed = rig.spool.folder(.failed)
        // Deeper than trees are removed, as another user's folder cannot be.
        var path = failed / "v.yml"
        for _ in 0..<FileSystem.depthLimit + 6 {
            try FileSystem.createFolder(path)
            path = path / "x"
        }
        try rig.drop("v.yml")
        #expect(rig.runAll() == ["v"])
        #expect(rig.status("v")?.state == .done)
        let left = try FileSystem.entries(of: failed)
        #expect(left.count == 1 && left[0].hasPrefix(".v.yml.") && left[0].hasSuffix(".aside"))
        // In two parts it can be.
        let half = (0..<30).reduce(failed / left[0]) { path, _ in path / "x" }
        try FileSystem.rename(half, to: rig.folder.path / "half", replacing: false)
    }

    @Test func theStatusOfAJobThatCannotLeaveSaysSo() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml", "fail")
        rig.settle()
        let run = try rig.start()
        try FileSystem.removeTree(rig.spool.folder(.failed))
        try rig.spool.folder(.failed).write("in the way")
        rig.machine.ended(rig.merging.merge(run), now: rig.now)
        #expect(rig.status("a")?.state == .queued)
        #expect(rig.status("a")?.error?.contains("its last steps fail") == true)
        try FileSystem.remove(rig.spool.folder(.failed))
        rig.settle(after: 31)
        #expect(rig.status("a")?.state == .failed)
        #expect(rig.status("a")?.error == "it fails (do not)")
    }
}
