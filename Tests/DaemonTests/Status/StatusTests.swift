import Della
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

@Suite struct StatusTests {
    private func status(_ name: String, _ state: JobState) throws -> JobStatus {
        JobStatus(job: try #require(JobName(name)), state: state, output: "/out/\(name)")
    }

    @Test func everyFieldOfTheContractIsWrittenAndReadBack() throws {
        var status = try status("a", .merging)
        status.progress.tensorsDone = 3
        status.progress.tensorsTotal = 7
        status.progress.bytesRead = 1 << 40
        status.progress.bytesWritten = 5
        status.progress.bytesTotal = 1 << 41
        status.bytesPerSecond = 540_000_000
        status.etaSeconds = 12
        status.queuedAt = "2026-01-02T03:04:05Z"
        status.startedAt = "2026-01-02T03:04:06Z"
        status.seconds = 66.75
        status.resumed = 2
        status.peakResidentBytes = 77
        status.warnings = ["one \"quoted\"", "two"]
        status.error = "line\nbreak"
        status.exitCode = 65
        let text = status.json.serialized(indentedBy: 2)
        let json = try JSON(parsing: Array(text.utf8))
        #expect(
            Set(json.objectValue.map(\.keys) ?? []).isSuperset(of: [
                "schema", "job", "state", "output", "fraction", "tensors_done", "tensors_total", "bytes_read",
                "bytes_written", "bytes_total", "bytes_per_second", "eta_seconds", "queued_at", "started_at",
                "finished_at", "resumed", "peak_rss_bytes", "warnings", "error",
                "seconds", "exit_code",
            ]))
        #expect(json["schema"]?.intValue == 1)
        #expect(json["fraction"]?.doubleValue == 0.5)
        #expect(json["finished_at"]?.isNull == true)
        #expect(JobStatus(json) == status)
    }

    @Test(arguments: [
        "1e300", "-1e300", "1e999", "9223372036854775807", "-1", "18446744073709551615", "\"x\"", "{}",
    ])
    func figuresThatCannotBeAreNone(number: String) throws {
        let keys = [
            "eta_seconds", "bytes_per_second", "bytes_read", "bytes_written", "bytes_total", "bytes_resumed",
            "tensors_done", "tensors_total", "resumed", "peak_rss_bytes", "fraction",
        ]
        let figures = keys.map { "\"\($0)\": \(number)" }.joined(separator: ", ")
        let json = try JSON(parsing: Array("{\"job\": \"a\", \"state\": \"merging\", \(figures)}".utf8))
        var status = try #require(JobStatus(json))
        status.resumed += 1
        #expect(JobStatus(try JSON(parsing: Array(status.json.serialized().utf8))) == status)
        let entry = SpoolView.Entry(folder: .active, status: status)
        #expect(!JobDetails(entry: entry, isServed: true).text.isEmpty)
        #expect(!SpoolTable(view: SpoolView(isServed: true, entries: [entry]), width: 80).text.isEmpty)
    }

    @Test func aStartGoesOnWithAJobWhateverItsStatusSays() throws {
        let rig = try SpoolRig()
        try (rig.spool.folder(.active) / "a.yml").write("good")
        try (rig.spool.folder(.status) / "a.json").write(
            #"{"job": "a", "state": "merging", "eta_seconds": 1e300, "bytes_per_second": 1e300}"#)
        try rig.restart()
        #expect(rig.runAll() == ["a"])
        #expect(rig.status("a")?.state == .done)
    }

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
        (1_795_392_245, "2026-11-23T00:04:05Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ])
    func timestamps(seconds: Int64, text: String) {
        #expect(Timestamp(seconds: seconds).description == text)
    }

    @Test(arguments: [
        ("2000-02-29T00:00:00Z", Int64(951_782_400), Int32(0)),
        ("2026-11-23T00:04:05.120Z", 1_795_392_245, 120_000_000),
        ("2100-03-01T00:00:00.123456789123Z", 4_107_542_400, 123_456_789), ("1969-12-31T23:59:59Z", -1, 0),
    ])
    func timestampsAreReadBack(text: String, seconds: Int64, nanoseconds: Int32) {
        #expect(Timestamp(text) == Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test func daysAreReadAsTheyAreWritten() {
        for day in stride(from: Int64(-200_000), through: 500_000, by: 89) {
            let moment = Timestamp(seconds: day * 86_400 + (day & 0xFFFF), nanoseconds: 5_000_000)
            if Timestamp(moment.precise) != moment { Issue.record("\(moment.precise)") }
            if Timestamp(moment.description)?.seconds != moment.seconds { Issue.record("\(moment)") }
        }
    }

    @Test(arguments: [
        "", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.1x2Z", "2026-01-02T25:04:05Z", "x026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.12345678901234567890123Z",
    ])
    func whatIsNoTimestampIsNone(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func figures() {
        #expect(Figure.bytes(999) == "999 B")
        #expect(Figure.bytes(1_340_000_000) == "1.3 GB")
        #expect(Figure.bytes(24_495_564_800) == "24.5 GB")
        #expect(Figure.bytes(999_999) == "1.0 MB")
        #expect(Figure.duration(7.04) == "7.0 s")
        #expect(Figure.duration(187) == "3:07")
        #expect(Figure.duration(3723) == "1:02:03")
        #expect(Figure.duration(.infinity) == "-")
        #expect(Figure.percent(0.9999) == "99.9 %")
        #expect(Figure.bar(0.5, width: 4) == "##..")
        #expect(Figure.rate(.nan) == "0 B/s")
        #expect(Figure.rate(1e300) == "0 B/s")
    }

    @Test func theRateIsThatOfTheLastTenSeconds() {
        var meter = RateMeter()
        let start = ContinuousClock.now
        for second in 0...100 {
            // A fast first half must not be seen in the second.
            let amount = second < 50 ? second * 1000 : 50_000 + (second - 50) * 10
            meter.add(UInt64(amount), at: start + .seconds(second))
        }
        #expect(abs(meter.rate - 10) < 0.01)
        #expect(meter.remaining(of: 50_600).map { abs($0 - 10) < 0.1 } == true)
        #expect(RateMeter().rate == 0)
    }

    @Test func progressFitsTheTerminal() {
        var figures = MergeProgress.Snapshot()
        figures.tensorsTotal = 363
        figures.bytesTotal = 73_000_000_000
        figures.bytesRead = 1_000_000_000
        var line = ProgressLine()
        _ = line.text(MergeProgress.Snapshot(), width: 80, at: .now)
        for width in [20, 40, 79, 200] {
            #expect(line.text(figures, width: width, at: .now + .seconds(2)).count <= width)
        }
        let text = line.text(figures, width: 100, at: .now + .seconds(2))
        #expect(text.hasPrefix("["))
        #expect(text.contains("ETA"))
    }

    @Test func theTableShowsStatesAndNoStaleRates() throws {
        var merging = try status("m", .merging)
        merging.progress.bytesTotal = 100
        merging.progress.bytesRead = 42
        merging.bytesPerSecond = 1e6
        merging.etaSeconds = 60
        var failed = try status("f", .failed)
        failed.error = "first\nsecond"
        let entries = [
            SpoolView.Entry(folder: .active, status: merging),
            .init(folder: .active, status: try status("q", .queued)),
            .init(folder: .failed, status: failed),
        ]
        let text = SpoolTable(view: SpoolView(isServed: true, entries: entries), width: 80).text
        #expect(text.contains("m     merging    [########............] 42.0 %  1.0 MB/s  ETA 1:00"))
        #expect(text.contains("first (and 1 more)"))
        #expect(!text.contains("no daemon"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        let idle = SpoolTable(view: SpoolView(isServed: false, entries: []), width: 80).text
        #expect(idle.contains("no daemon is running"))
        #expect(idle.contains("no jobs"))
    }

    @Test func noStatusSteersATerminal() throws {
        var failed = try status("f", .failed)
        failed.error = "\u{1B}[2J\u{202E}first\nsecond"
        failed.warnings = ["\u{1B}[2J"]
        let entry = SpoolView.Entry(folder: .failed, status: failed)
        let table = SpoolTable(view: SpoolView(isServed: true, entries: [entry]), width: 80).text
        #expect(table.contains("\\u{1B}[2J\\u{202E}first (and 1 more)"))
        let details = JobDetails(entry: entry, isServed: true).text
        #expect(details.contains("error     \\u{1B}[2J\\u{202E}first\nerror     second\n"))
        for text in [table, details] {
            #expect(text.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" })
        }
    }

    @Test func aMergeOfADaemonThatDiedIsNotShownAsLive() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml")
        rig.settle()
        _ = try rig.start()
        let name = try #require(JobName("a"))
        var stale = try #require(rig.status("a"))
        stale.bytesPerSecond = 1e9
        rig.machine.write(stale)
        let lock = try SpoolLock.holding(rig.spool.root)
        #expect(try SpoolView(of: rig.spool).entry(name)?.status.state == .merging)
        _ = consume lock
        let view = try SpoolView(of: rig.spool)
        #expect(!view.isServed)
        #expect(view.entry(name)?.status.state == .queued)
        #expect(view.entry(name)?.status.bytesPerSecond == 0)
    }

    @Test func aDaemonThatIsSilentHasNoRate() throws {
        let rig = try SpoolRig()
        try rig.drop("a.yml")
        rig.settle()
        _ = try rig.start()
        var status = try #require(rig.status("a"))
        status.bytesPerSecond = 5e6
        status.etaSeconds = 60
        status.progress.bytesTotal = 100
        rig.machine.write(status)
        let lock = try SpoolLock.holding(rig.spool.root)
        let (name, now) = (try #require(JobName("a")), Timestamp.now)
        let live = try #require(SpoolView(of: rig.spool, now: now).entry(name))
        #expect(live.status.bytesPerSecond == 5e6 && live.status.etaSeconds == 60)
        #expect(
            SpoolTable(view: try SpoolView(of: rig.spool, now: now), width: 200).text.contains("5.0 MB/s"))
        let view = try SpoolView(of: rig.spool, now: Timestamp(seconds: now.seconds + 35))
        let silent = try #require(view.entry(name))
        #expect(silent.status.state == .merging)
        #expect(silent.status.bytesPerSecond == 0 && silent.status.etaSeconds == nil)
        #expect(silent.status.warnings.last?.contains("no news of the daemon for") == true)
        let table = SpoolTable(view: view, width: 200).text
        #expect(table.contains("no news for 0:3") && !table.contains("B/s"))
        let details = JobDetails(entry: silent, isServed: true).text
        #expect(details.contains("no news of the daemon") && !details.contains("B/s"))
        _ = consume lock
    }

    @Test func whereAConfigLiesDecidesItsState() throws {
        let rig = try SpoolRig()
        for (file, folder) in [("d", Spool.Folder.done), ("f", .failed), ("w", .incoming)] {
            try rig.spool.config(try #require(JobName(file)), in: folder).write("x")
        }
        rig.machine.write(try status("d", .merging))
        let view = try SpoolView(of: rig.spool)
        #expect(view.entries.map(\.status.state) == [.queued, .failed, .done])
        #expect(view.entries.map(\.status.job.text) == ["w", "f", "d"])
        #expect(view.json["jobs"]?.arrayValue?.count == 3)
    }

    @Test func aSpoolWithIncomingAloneIsShown() throws {
        let folder = try TemporaryFolder()
        let spool = Spool(root: folder.path, output: folder.path / "output")
        try FileSystem.createFolder(spool.folder(.incoming))
        try spool.incoming("a.yml").write("good")
        #expect(try SpoolView(of: spool).entries.map(\.status.job.text) == ["a"])
    }

    @Test func endedJobsAreShownUpToALimit() throws {
        let entries = try (0..<50).map { SpoolView.Entry(folder: .done, status: try status("j\($0)", .done)) }
        let text = SpoolTable(view: SpoolView(isServed: true, entries: entries), width: 80).text
        #expect(text.contains("and 30 more"))
    }

    /// A merge, a failure and a config that waits, with names of any length.
    private func busy(_ name: String) throws -> SpoolView {
        var merging = try status(name, .merging)
        merging.progress.bytesTotal = 100
        merging.progress.bytesRead = 42
        merging.bytesPerSecond = 1.5e9
        merging.etaSeconds = 3723
        var cancelled = try status("\(name)2", .cancelled)
        cancelled.error = String(repeating: "why ", count: 50)
        return SpoolView(
            isServed: true,
            entries: [
                .init(folder: .active, status: merging),
                .init(folder: .incoming, status: try status("\(name)3", .queued)),
                .init(folder: .failed, status: cancelled),
            ], leftAlone: ["my merge.yml"])
    }

    @Test(arguments: [40, 60, 80, 120], [1, 8, 30, 100])
    func theTableKeepsStateRateAndTimeLeftWhateverTheWidth(width: Int, length: Int) throws {
        let name = String(
            (0..<length).map { "abcdefghij"["abcdefghij".index("abcdefghij".startIndex, offsetBy: $0 % 10)] })
        let text = SpoolTable(view: try busy(name), width: width).text
        let lines = text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= width }, "\(text)")
        let row = try #require(lines.first { $0.contains("merging") })
        #expect(row.contains("1.5 GB/s") && row.contains("ETA 1:02:03"), "\(text)")
        // Something of the name is left, and its end where it was shortened.
        let shown = row.prefix { $0 != " " }
        #expect(shown == name || shown.contains("..") && name.hasSuffix(shown.suffix(2)), "\(text)")
        #expect(text.contains("incoming") && text.contains("cancelled") && text.contains("left alone"))
    }

    @Test func aPipeGetsWholeNames() throws {
        let name = String(repeating: "n", count: 100)
        #expect(SpoolTable(view: try busy(name), width: 400).text.contains("\(name)2 "))
    }

    @Test func filesThatAreLeftAloneAreShown() throws {
        let rig = try SpoolRig()
        for file in [
            "my merge.yml", "config (1).yaml", "a b.cancel", "notes.txt", ".my merge.yml", "good.yml",
        ] {
            try rig.drop(file)
        }
        let view = try SpoolView(of: rig.spool)
        #expect(view.leftAlone.sorted() == ["a b.cancel", "config (1).yaml", "my merge.yml"])
        let text = SpoolTable(view: view, width: 80).text
        #expect(text.contains("my merge.yml     left alone  rename it"), "\(text)")
        let list = try #require(view.json["left_alone"]?.arrayValue)
        #expect(
            list.compactMap { $0["file"]?.stringValue } == ["a b.cancel", "config (1).yaml", "my merge.yml"])
        #expect(list.allSatisfy { $0["remedy"]?.stringValue?.hasPrefix("rename it: ") == true })
        let many = SpoolView(isServed: true, entries: [], leftAlone: (0..<30).map { "a \($0).yml" })
        #expect(SpoolTable(view: many, width: 80).text.contains("and 10 more files left alone"))
        let steering = SpoolView(isServed: true, entries: [], leftAlone: ["\u{1B}[2J .yml"])
        #expect(!SpoolTable(view: steering, width: 80).text.contains("\u{1B}"))
    }

    @Test func theHistorySaysHowLongEachTook() throws {
        var early = try status("early", .done)
        (early.startedAt, early.finishedAt) = ("2026-01-02T03:04:05.500Z", "2026-01-02T03:05:12.250Z")
        early.seconds = 66.75
        early.progress.bytesRead = 2_000_000_000
        var late = try status("late", .done)
        (late.startedAt, late.finishedAt) = ("2026-01-03T03:04:05Z", "2026-01-03T03:04:05.250Z")
        late.seconds = 0.25
        var failed = try status("bad", .failed)
        failed.finishedAt = "2026-01-04T00:00:00Z"
        #expect(early.json["seconds"]?.doubleValue == 66.75)
        let view = SpoolView(
            isServed: true,
            entries: [
                .init(folder: .failed, status: failed), .init(folder: .done, status: late),
                .init(folder: .done, status: early),
            ])
        let lines = HistoryTable(view: view, width: 120).text.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix("late     2026-01-03 03:04 0.3 s "), "\(lines)")
        #expect(lines[2].hasPrefix("early    2026-01-02 03:05 1:07     2.0 GB   /out/early"), "\(lines)")
        for width in [40, 80] {
            #expect(
                HistoryTable(view: view, width: width).text.split(separator: "\n").allSatisfy {
                    $0.count <= width
                })
        }
    }

    @Test(arguments: [(0, "0 threads"), (1, "1 thread"), (2, "2 threads")])
    func oneIsNoPlural(count: Int, text: String) {
        #expect(Figure.count(count, "thread") == text)
    }
}
