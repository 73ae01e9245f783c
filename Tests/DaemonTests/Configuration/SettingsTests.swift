import Logging
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

@Suite("Settings: flags, environment, file")
struct SettingsTests {
    private func settings(
        flags: [Setting: [String]] = [:], environment: [String: String] = [:], file: String = ""
    ) throws -> DaemonSettings {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("dellad.yaml")
        try FileSystem.writeWhole(Array(file.utf8), to: path, sync: false)
        return try SettingsSource(flags: flags, environment: environment, file: path).read()
    }

    /// The problems of a file, without its name.
    private func problems(file: String, environment: [String: String] = [:]) throws -> [String] {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("dellad.yaml")
        try FileSystem.writeWhole(Array(file.utf8), to: path, sync: false)
        do throws(CommandFailure) {
            _ = try SettingsSource(environment: environment, file: path).read()
            return []
        } catch {
            #expect(error.exitCode == 78)
            return error.message.split(separator: "\n").map { line in
                line.hasPrefix(path.string)
                    ? String(line.dropFirst(path.string.utf8.count + 1)) : String(line)
            }
        }
    }

    @Test("A flag beats the environment, which beats the file, which beats the default")
    func precedence() throws {
        let file = "memory: 100M\nthreads: 3\nshard_size: 7GB\nmodels: [/file]\n"
        let environment = ["DELLAD_MEMORY": "200M", "DELLAD_THREADS": "4", "DELLAD_MODELS": "/one:/two"]
        let result = try settings(flags: [.memory: ["300"]], environment: environment, file: file)
        #expect(result.memory == 300)
        #expect(result.threads == 4)
        #expect(result.shardSize == 7_000_000_000)
        #expect(result.models == ["/one", "/two"])
        #expect(result.engine == .auto)
        #expect(try settings(flags: [.models: ["a", "/b"]], file: file).models == ["a", "/b"])
    }

    @Test("Every key can be set in the file")
    func everyKey() throws {
        let file = """
            spool: /s
            output: "/o"
            models:
              - /m
              - /n
            allow_any_path: yes
            memory: 512M
            threads: 6
            io: posix
            sha256: true
            shard_size: 2GB
            clear_after: 30d
            max_jobs_per_user: 7
            fetch_command: hf download {model} --revision {revision} {include}
            fetch_space: 500G
            fetch_keep: 2w
            log_level: debug
            """
        var expected = DaemonSettings(stateFolder: nil)
        (expected.spool, expected.output, expected.models) = ("/s", "/o", ["/m", "/n"])
        (expected.allowsAnyPath, expected.memory, expected.threads) = (true, 512 << 20, 6)
        (expected.engine, expected.shardSize, expected.logLevel) = (.posix, 2_000_000_000, .debug)
        (expected.sha256, expected.clearAfter, expected.jobsPerUser) = (true, Age("30d"), 7)
        expected.fetchCommand = try FetchCommandLine(FetchCommandLine.usual)
        (expected.fetchSpace, expected.fetchKeep) = (.bytes(500 << 30), Age("2w"))
        #expect(try settings(file: file) == expected)
    }

    @Test("The packaged dellad.yaml says every key and its real default")
    func packagedFile() throws {
        let path = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
            .removingLastComponent().appending("systemd/dellad.yaml")
        let text = String(decoding: try FileSystem.readWhole(path, limit: 1 << 20), as: UTF8.self)
        #expect(try settings(file: text) == DaemonSettings(stateFolder: nil))
        // Prose has one space after the #.
        let uncommented = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let rest = line.dropFirst()
            return line.hasPrefix("#") && (!rest.hasPrefix(" ") || rest.hasPrefix("  ")) ? rest : line
        }.joined(separator: "\n")
        #expect(try settings(file: uncommented) == DaemonSettings(stateFolder: nil))
        let keys = try SettingsFile(Array(uncommented.utf8), fileName: "f").values.keys
        #expect(Set(keys) == Set(Setting.allCases))
    }

    @Test("An age is digits and a unit, of a minute or more")
    func ages() {
        let fit: [(String, Int64)] = [
            ("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600), ("36500d", 3_153_600_000),
        ]
        for (text, seconds) in fit {
            #expect(Age(text)?.seconds == seconds)
            #expect(Age(text)?.description == text)
        }
        for text in [
            "", "d", "30", "30 d", "-1d", "0d", "1.5h", "1s", "1y", "30D", "1d1h", "36501d", "٣d", "+1d",
            "99999999999999999999w",
        ] {
            #expect(Age(text) == nil, "\(text)")
        }
    }

    @Test("A flag turns clearing off that the file turned on")
    func clearingNever() throws {
        #expect(try settings(file: "clear_after: 12h\n").clearAfter == Age("12h"))
        #expect(try settings(flags: [.clearAfter: ["never"]], file: "clear_after: 12h\n").clearAfter == nil)
    }

    @Test("A state folder given by the service manager holds spool and output")
    func stateFolder() throws {
        let result = try settings(environment: ["STATE_DIRECTORY": "/var/lib/dellad-two"])
        #expect(result.spool == "/var/lib/dellad-two/spool")
        #expect(result.output == "/var/lib/dellad-two/output")
        #expect(try settings(file: "# nothing\n") == DaemonSettings(stateFolder: nil))
    }

    @Test("All that is wrong with a file is told at once, with lines")
    func allProblems() throws {
        let file = "spool: here\nmemroy: 1G\n\nthreads: 0\nmodels: []\nio: [a]\nlog_level: loud\n"
        let found = try problems(file: file, environment: ["DELLAD_SHARD_SIZE": "5 GB"])
        #expect(
            found == [
                "DELLAD_SHARD_SIZE: '5 GB' is no size (a number with K, M, G or KB, MB, GB: 1.5G)",
                "1: spool: 'here' is no absolute path (begin it with /)",
                "2: unknown key 'memroy' (did you mean memory?)",
                "4: threads: '0' is no number of threads (auto, or a number from 1 to 1024)",
                "5: models: is an empty list (name a folder, or leave the key out)",
                "6: io takes one value (see dellad.yaml(5))",
                "7: log_level: 'loud' is none of trace, debug, info, notice, warning, error, critical (use one)",
            ])
    }

    @Test(
        "What is no settings file is refused with its line",
        arguments: [
            ("a: [\n", "2: not YAML"),
            ("- one\n- two\n", "1: is no list of settings"),
            ("io: auto\nio: auto\n", "2: io: is set more than once, first in line 1"),
            ("allow_any_path: perhaps\n", "1: allow_any_path: 'perhaps' is neither true nor false"),
            ("\n\nmemory: -1G\n", "3: memory: '-1G' is no size"),
            ("clear_after: soon\n", "1: clear_after: 'soon' is no age"),
            (
                "max_jobs_per_user: 0\n",
                "1: max_jobs_per_user: '0' is no number of jobs (a number from 1 to 10000)"
            ),
            ("threads: 9223372036854775807\n", "1: threads: '9223372036854775807' is no number of threads"),
        ])
    func malformed(file: String, expected: String) throws {
        let found = try problems(file: file)
        #expect(found.count == 1 && found[0].hasPrefix(expected), "\(found)")
    }

    @Test("What Windows' editors put before the text is passed over")
    func byteOrderMark() throws {
        #expect(try settings(file: "\u{FEFF}threads: 3\n").threads == 3)
        #expect(try problems(file: "\u{FEFF}spol: /x\n").first?.hasPrefix("1: unknown key 'spol'") == true)
    }

    @Test("Keys that are there twice keep no other problem back")
    func repeated() throws {
        let found = try problems(file: "io: auto\nmodels:\n- /a\nspol: /x\nmodels:\n- /b\nio: uring\n")
        #expect(
            found == [
                "5: models: is set more than once, first in line 2 (keep one)",
                "7: io: is set more than once, first in line 1 (keep one)",
                "4: unknown key 'spol' (did you mean spool?)",
            ])
    }

    @Test("A misspelt variable is an error, an empty one is none")
    func variables() throws {
        #expect(
            try problems(file: "", environment: ["DELLAD_MEMROY": "1G", "DELLAD_SIMD": "avx2"])
                == ["DELLAD_MEMROY: is no setting (did you mean DELLAD_MEMORY?)"])
        #expect(try settings(environment: ["DELLAD_MEMORY": ""]).memory == nil)
    }

    @Test("A file that was named must be there")
    func missing() throws {
        #expect(throws: CommandFailure.self) { try SettingsSource(file: "/nonexistent/dellad.yaml").read() }
    }
}
