import Della
import StreamIO
import SystemPackage

/// A file that an option names for what comes of a command, tried before the work: afterwards it would be too late to
/// name another.
struct ResultFile {
    private let target: ResultTarget
    /// The option and its value.
    private let words: String

    var path: FilePath { target.path }
    /// Whether it comes out where the command prints.
    var isStandardOutput: Bool { target.isStandardOutput }

    /// Leaves a file that is there as it is.
    ///
    /// - Parameters:
    ///   - option: whose value the text is, `--trace`.
    ///   - inputs: files that the command reads, besides models.
    ///   - output: the folder that it makes.
    init(
        _ text: String, of option: String, inputs: [FilePath] = [], output: FilePath? = nil
    ) throws(CommandFailure) {
        words = "\(option) \(text)"
        guard text != "-" else {
            target = .standardOutput
            return
        }
        do throws(IOError) {
            target = try ResultTarget(FilePath(text))
            if let reason = try Self.reader(of: target, inputs, output) {
                throw IOError(reason, target.path, .fileExists)
            }
            try target.probe()
        } catch {
            throw Self.failure(error, words)
        }
    }

    /// Why a file is not to be replaced that is none of a model's.
    private static func reader(
        of target: ResultTarget, _ inputs: [FilePath], _ output: FilePath?
    ) throws(IOError) -> String? {
        guard let file = target.file else { return nil }
        if let output, OwnPlaces(output).contain(file) { return "it is the output's own" }
        guard let status = try FileSystem.status(file) else { return nil }
        for input in inputs {
            if let read = try? FileSystem.status(input), read.isSameFile(as: status) {
                return "this command reads it"
            }
        }
        return nil
    }

    /// - Throws: where it is a file of one of these models.
    func refuse(asOneOf folders: some Sequence<FilePath>) throws(CommandFailure) {
        do throws(MergeFailure) {
            try ModelFiles(folders).refuse(path, words: words)
        } catch {
            throw CommandFailure(error.message, exitCode: error.exitCode)
        }
    }

    func write(_ text: String) throws(CommandFailure) {
        do throws(IOError) {
            try target.write(Array(text.utf8))
        } catch {
            throw Self.failure(error, words)
        }
    }

    /// Why a file cannot be written, by the words that named it: a full disk is no matter of its name.
    static func failure(_ error: IOError, _ words: String) -> CommandFailure {
        if error.errno == .isDirectory {
            return CommandFailure("\(words): is a folder (name a file in it)", .cannotCreate)
        }
        if error.errno == .fileExists {
            return CommandFailure(
                "\(words): cannot be written: \(error.operation) (name another file)", .cannotCreate)
        }
        if let remedy = DiskRemedy(error.errno, of: "that disk").text, error.errno != .readOnlyFileSystem {
            return CommandFailure(
                "\(words): cannot be written: \(error) (\(remedy), or name a file on another)", .io)
        }
        return CommandFailure(
            "\(words): cannot be written: \(error) (name a file in a folder that is there, writable by "
                + "this user)", .cannotCreate)
    }
}
