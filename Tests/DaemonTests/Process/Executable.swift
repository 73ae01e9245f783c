import Foundation
import Glibc
import StreamIO
import SystemPackage

/// A run of the built `dellad`.
final class Executable: @unchecked Sendable {
    private let process = Process()
    private let errors: FilePath
    private let output: FilePath

    /// Beside the tests' own executable, unless `DELLAD_EXECUTABLE` names another: one for another processor, say, in an
    /// emulator.
    static let path: String = {
        if let other = ProcessInfo.processInfo.environment["DELLAD_EXECUTABLE"] { return other }
        let own = (try? FileSystem.resolved("/proc/self/exe")) ?? FilePath()
        for folder in [own.removingLastComponent()]
            + CommandLine.arguments.map({ FilePath($0).removingLastComponent() })
        {
            if folder.appending("dellad").exists { return folder.appending("dellad").string }
        }
        return "dellad"
    }()

    /// Starts it.
    ///
    /// - Parameters:
    ///   - umask: in octal; the tests' own by default.
    ///   - prelude: what a shell does before it becomes the program.
    ///   - terminal: what it writes to, in place of a file.
    ///   - program: a link to it, say.
    ///   - place: the folder that it is started in; the tests' own by default.
    init(
        _ arguments: [String], in folder: TemporaryFolder, environment: [String: String] = [:],
        umask: String? = nil, prelude: String? = nil, terminal: FileHandle? = nil,
        program: FilePath? = nil, from place: FilePath? = nil
    ) throws {
        let number = UInt64.random(in: 0 ... .max)
        errors = folder.path / "stderr-\(number)"
        output = folder.path / "stdout-\(number)"
        try errors.write("")
        try output.write("")
        process.executableURL = URL(fileURLWithPath: program?.string ?? Self.path)
        process.arguments = arguments
        if let place { process.currentDirectoryURL = URL(fileURLWithPath: place.string) }
        if let prelude = prelude ?? umask.map({ "umask \($0)" }) {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "\(prelude); exec \"$0\" \"$@\"", Self.path] + arguments
        }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardError = FileHandle(forWritingAtPath: errors.string)
        process.standardOutput = terminal ?? FileHandle(forWritingAtPath: output.string)
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    /// Runs it to its end. The exit code, or minus the signal that ended it.
    static func run(
        _ arguments: [String], in folder: TemporaryFolder, environment: [String: String] = [:],
        program: FilePath? = nil, from place: FilePath? = nil
    ) throws -> (code: Int32, output: String, errors: String) {
        let executable = try Executable(
            arguments, in: folder, environment: environment, program: program, from: place)
        let code = executable.wait()
        return (code, executable.output.text, executable.errorText)
    }

    var pid: Int32 { process.processIdentifier }

    var errorText: String { errors.text }

    var outputText: String { output.text }

    var isRunning: Bool { process.isRunning }

    /// Bytes of its memory that are in use now; 0 where it is gone.
    var residentBytes: Int {
        let fields = FilePath("/proc/\(pid)/statm").text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }

    /// Seconds of processors that it has used; 0 where it is gone.
    var processorSeconds: Double {
        // The name of the command, in parentheses, may hold anything.
        let fields =
            FilePath("/proc/\(pid)/stat").text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let kernel = Double(fields[12]) else {
            return 0
        }
        return (user + kernel) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Descriptors that it has open.
    var openFiles: Int { ((try? FileSystem.entries(of: FilePath("/proc/\(pid)/fd"))) ?? []).count }

    /// Whether it waits for what the kernel says of a folder.
    var isWatching: Bool {
        let folder = FilePath("/proc/\(pid)/fdinfo")
        return ((try? FileSystem.entries(of: folder)) ?? []).contains {
            folder.appending($0).text.contains("inotify wd:")
        }
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// The exit code, or minus the signal that ended it.
    @discardableResult func wait() -> Int32 {
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// SIGKILL, and waits until the process is gone.
    func killAndWait() {
        if process.isRunning { signal(SIGKILL) }
        process.waitUntilExit()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
}
