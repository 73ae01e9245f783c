import Glibc
import StreamIO

/// What `failed/NAME.error.txt` says.
extension Spool {
    /// Why a job failed, without the line ends at its end; `nil` where that is not known.
    ///
    /// Others may write in `failed`. What the daemon did not write itself, a link to a file that they cannot read
    /// among it, is no reason: it would be shown to them.
    func readReason(of name: JobName) -> String? {
        do throws(IOError) {
            let file = try OpenFile.forReadingUnlinked(errorText(name))
            let status = try file.status()
            guard status.isRegular, status.userID == geteuid(), status.linkCount == 1,
                status.size <= UInt64(FailureText.byteLimit + 1)
            else { return nil }
            var text = String(decoding: try file.read(upTo: FailureText.byteLimit, at: 0), as: UTF8.self)
            while text.last?.isNewline == true { text.removeLast() }
            return text
        } catch {
            return nil
        }
    }
}
