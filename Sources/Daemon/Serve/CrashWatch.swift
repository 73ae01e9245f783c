import CDaemon
import StreamIO
import SystemPackage

/// Has crashes of the process noted against a job, while the value lives.
final class CrashWatch {
    private let file: OpenFile

    init(job: JobName, spool: Spool) throws(IOError) {
        let path = spool.crashNotes(job)
        if try FileSystem.status(path, followLinks: false) == nil {
            try FileSystem.writeWhole([], to: path, sync: false, permissions: 0o600)
        }
        file = try OpenFile.forUpdating(path, direct: false)
        // The handler can only write where the descriptor stands.
        let end = Int64(try file.status().size)
        do {
            _ = try FileDescriptor(rawValue: file.reference.descriptor).seek(offset: end, from: .start)
        } catch {
            throw IOError("seek", path, error as? Errno ?? .ioError)
        }
        dellad_set_crash_context(.max)
        dellad_note_crashes(file.reference.descriptor)
    }

    /// The bytes that were done when this run went on from its journal.
    func resumed(from bytes: UInt64) { dellad_set_crash_context(bytes) }

    deinit { dellad_note_crashes(-1) }
}
