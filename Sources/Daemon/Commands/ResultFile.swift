import StreamIO
import SystemPackage

/// A file that an option names for what comes of a command, tried before the work: afterwards it would be too late to
/// name another.
struct ResultFile {
    let path: FilePath

    /// Leaves a file that is there as it is.
    ///
    /// - Parameter option: whose value the text is, `--trace`.
    init(_ text: String, of option: String) throws(CommandFailure) {
        path = FilePath(text)
        do throws(IOError) {
            let status = try FileSystem.status(path)
            guard status?.isRegular ?? true, path.lastComponent?.kind == .regular else {
                throw IOError("write", path, .isDirectory)
            }
            // As it will be written: a file beside it, which then takes its name.
            let draft = path.removingLastComponent().appending(".\(path.lastComponent?.string ?? "").tmp")
            try FileSystem.remove(draft)
            try FileSystem.writeWhole([], to: draft, sync: false)
            try FileSystem.remove(draft)
        } catch {
            throw Self.failure(error, "\(option) \(text)")
        }
    }

    /// Why a file cannot be written, by the words that named it: a full disk is no matter of its name.
    static func failure(_ error: IOError, _ words: String) -> CommandFailure {
        if let remedy = DiskRemedy(error.errno, of: "that disk").text, error.errno != .readOnlyFileSystem {
            return CommandFailure(
                "\(words): cannot be written: \(error) (\(remedy), or name a file on another)", .io)
        }
        return CommandFailure(
            "\(words): cannot be written: \(error) (name a file in a folder that is there, writable by "
                + "this user)", .cannotCreate)
    }
}
