import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// Configs that leave `active` while somebody waits for their jobs: whoever waits ends as the job does.
@Suite struct WithdrawnConfigTests {
    enum Act: String, CaseIterable {
        case removed, replaced, renamed, done, failed, incoming
    }

    enum Phase: String, CaseIterable {
        case queued, merging
    }

    /// What a job ends with.
    private static func code(_ act: Act, _ phase: Phase) -> Int32 {
        switch (act, phase) {
        // What was put back is a job of its own, whose model is there.
        case (.incoming, .merging): 73
        case (.incoming, .queued), (.replaced, _), (_, .merging): 0
        case (_, .queued): 130
        }
    }

    private func perform(_ act: Act, _ rig: MergeRig) throws {
        let config = rig.spool / "active" / "a.yml"
        func move(to place: String) throws {
            try FileSystem.rename(config, to: rig.spool.pushing(FilePath(place)), replacing: false)
        }
        switch act {
        case .removed: try FileSystem.remove(config)
        case .replaced:
            let other = rig.folder.path / "other.yml"
            try other.write(rig.config.text + "# another\n")
            try FileSystem.rename(other, to: config, replacing: true)
        case .renamed: try move(to: "active/b.yml")
        case .done, .failed, .incoming: try move(to: "\(act)/a.yml")
        }
    }

    /// A daemon that is stopped in the phase, and a command that waits for the job.
    private func waiting(_ rig: MergeRig, _ phase: Phase) throws -> (daemon: Executable, submit: Executable) {
        let spool = Spool(root: rig.spool, output: rig.output)
        try spool.createFolders()
        if phase == .queued { try rig.drop("z") }
        let submit = try Executable(
            [
                "submit", rig.config.string, "--name", "a", "--wait", "--no-check", "--spool",
                rig.spool.string,
            ],
            in: rig.folder)
        #expect(rig.wait { spool.incoming("a.yml").exists })
        let daemon = try rig.serve()
        #expect(rig.wait { rig.status("a")?.state.rawValue == phase.rawValue })
        daemon.signal(SIGSTOP)
        #expect(rig.status("a")?.state.rawValue == phase.rawValue)
        // It looks each 0.1 s.
        usleep(400_000)
        return (daemon, submit)
    }

    @Test(arguments: Act.allCases, Phase.allCases)
    func whoWaitsEndsAsTheJobDoes(act: Act, phase: Phase) throws {
        let rig = try MergeRig(vocabulary: 60_000)
        let (daemon, submit) = try waiting(rig, phase)
        try perform(act, rig)
        let watch = try Executable(["status", "a", "--watch", "--spool", rig.spool.string], in: rig.folder)
        #expect(rig.wait { !watch.outputText.isEmpty || !watch.isRunning })
        let table = try rig.run("status", "--spool", rig.spool.string).output
        let isShown = table.split(separator: "\n").contains {
            $0.hasPrefix("a ") && $0.contains(phase.rawValue)
        }
        #expect(isShown, "\(table)")
        daemon.signal(SIGCONT)
        let code = Self.code(act, phase)
        // The replaced one is done; the other is refused as its model is there, and has the name's status.
        let last: Int32 = act == .replaced && phase == .merging ? 73 : code
        #expect(submit.wait() == code, "\(submit.errorText)")
        #expect(watch.wait() == last, "\(watch.outputText)\(watch.errorText)")
        #expect(rig.wait { rig.status("a")?.exitCode == last }, "\(String(describing: rig.status("a")))")
        #expect((rig.output / "a").exists == (code != 130))
        if code == 0 { #expect(submit.outputText == "a\n\(rig.output / "a")\n") }
        #expect(try rig.run("status", "a", "--watch", "--spool", rig.spool.string).code == last)
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test(arguments: Phase.allCases)
    func aJobWithoutItsConfigCanBeCancelled(phase: Phase) throws {
        let rig = try MergeRig(vocabulary: 60_000)
        let (daemon, submit) = try waiting(rig, phase)
        try perform(.removed, rig)
        let cancel = try rig.run("cancel", "a", "--spool", rig.spool.string)
        #expect(cancel.code == 0, "\(cancel.errors)")
        daemon.signal(SIGCONT)
        #expect(submit.wait() == 130, "\(submit.errorText)")
        #expect(rig.status("a")?.state == .cancelled)
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
    }
}
