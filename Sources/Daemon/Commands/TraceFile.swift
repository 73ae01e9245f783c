import StreamIO
import SystemPackage

/// The file that `--trace` names, tried before the merge: afterwards it would be too late to name another.
struct TraceFile {
    let path: FilePath

    /// Leaves a trace that is there as it is.
    init(_ text: String) throws(CommandFailure) {
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
            throw CommandFailure(
                "--trace \(text): cannot be written: \(error) (name a file in a folder that is there, writable by "
                    + "this user)", .cannotCreate)
        }
    }
}
