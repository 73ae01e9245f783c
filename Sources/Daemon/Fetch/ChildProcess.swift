import CDaemon
import Glibc
import StreamIO
import SystemPackage

/// A program that is run to its end, without a shell, its words and its output bounded.
///
/// It has a process group of its own, which goes with it; the kernel ends it where this thread ends before.
struct ChildProcess {
    /// How often it is looked after.
    private static let interval = Duration.milliseconds(100)
    /// Between asking it to end and ending it.
    private static let patience = Duration.seconds(5)
    /// Bytes of what it says besides its output: the last.
    private static let wordLimit = 32 << 10

    /// The program, looked up in `PATH` where it is no path, and its arguments.
    let arguments: [String]
    let environment: [String: String]
    /// Bytes of its output that are kept: the first.
    var outputLimit = 32 << 10

    /// What became of it.
    struct Ending {
        /// The exit code, or minus the signal that ended it.
        var code: Int32
        var output: [UInt8] = []
        /// What it wrote to its standard error.
        var words = ""
        var isOutputCut = false
    }

    /// Runs it.
    ///
    /// - Parameter goesOn: asked ten times a second; it is ended where the answer is no.
    /// - Throws: why it could not be started.
    func run(goesOn: () -> Bool) throws(FetchFailure) -> Ending {
        var (output, errors): (Int32, Int32) = (-1, -1)
        let child = start(&output, &errors)
        guard child > 0 else { throw notStarted(Errno(rawValue: -child)) }
        defer { for descriptor in [output, errors] { close(descriptor) } }
        return watch(child, output: output, errors: errors, goesOn)
    }

    private func notStarted(_ error: Errno) -> FetchFailure {
        let program = arguments.first ?? ""
        let remedy =
            error == .noSuchFileOrDirectory
            ? "install it: pip install huggingface_hub; or set fetch_command" : "look at fetch_command"
        return FetchFailure(.permanent, "\(program): cannot be run: \(error)", remedy)
    }

    private func start(_ output: inout Int32, _ errors: inout Int32) -> Int32 {
        let words = arguments.map { strdup($0) }
        let variables = environment.map { strdup("\($0.key)=\($0.value)") }
        defer { for text in words + variables { free(text) } }
        return dellad_spawn(words + [nil], variables + [nil], &output, &errors)
    }

    private func watch(
        _ child: Int32, output: Int32, errors: Int32, _ goesOn: () -> Bool
    ) -> Ending {
        var ending = Ending(code: 0)
        var tail: [UInt8] = []
        var asked: ContinuousClock.Instant?
        while true {
            var descriptors = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            poll(&descriptors, 2, Int32(Self.interval / .milliseconds(1)))
            let status = dellad_reap(child)
            // What it wrote before it ended is there by now.
            drain(output, into: &ending)
            Self.drain(errors) { bytes in tail = Array((tail + bytes).suffix(Self.wordLimit)) }
            if status >= 0 {
                ending.code = status > 0xFF ? -(status - 0x100) : status
                ending.words = String(decoding: tail, as: UTF8.self)
                return ending
            }
            // An end of both without the program's own: poll would return at once.
            if descriptors.allSatisfy({ $0.revents & Int16(POLLHUP) != 0 }) { usleep(20_000) }
            if let asked {
                if .now - asked > Self.patience { kill(-child, SIGKILL) }
            } else if !goesOn() {
                asked = .now
                kill(-child, SIGTERM)
            }
        }
    }

    private func drain(_ descriptor: Int32, into ending: inout Ending) {
        let limit = outputLimit
        Self.drain(descriptor) { bytes in
            let room = max(0, limit - ending.output.count)
            if bytes.count > room { ending.isOutputCut = true }
            ending.output += bytes.prefix(room)
        }
    }

    private static func drain(_ descriptor: Int32, _ take: ([UInt8]) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            take(Array(buffer[..<count]))
        }
    }
}
