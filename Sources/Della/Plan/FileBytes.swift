import StreamIO
import SystemPackage

/// Compares byte ranges of files in bounded memory.
enum FileBytes {
    /// Bytes read of each file at a time.
    static let chunk = 1 << 18

    /// Whether two ranges hold the same bytes, as far as they are compared before `isStopped`. Throws where one cannot
    /// be read; a range beyond its file differs.
    static func areEqual(
        _ first: FilePath, at firstOffset: UInt64, _ second: FilePath, at secondOffset: UInt64, count: UInt64,
        in folders: ReadableFolders, isStopped: () -> Bool = { false }
    ) throws(IOError) -> Bool {
        let left = try folders.open(first)
        let right = try folders.open(second)
        var done: UInt64 = 0
        while done < count, !isStopped() {
            let step = Int(min(UInt64(chunk), count - done))
            let ours = try left.read(upTo: step, at: firstOffset + done)
            let theirs = try right.read(upTo: step, at: secondOffset + done)
            guard ours.count == step, ours == theirs else { return false }
            done += UInt64(step)
        }
        return true
    }
}
