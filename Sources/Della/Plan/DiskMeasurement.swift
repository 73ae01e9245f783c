import StreamIO
import SystemPackage

/// A short measurement of how fast a disk reads, for an estimate of a merge's time.
public enum DiskMeasurement {
    private static let transfer = 1 << 20
    private static let depth = 8
    private static let byteLimit: UInt64 = 256 << 20
    private static let timeLimit = Duration.milliseconds(250)

    /// Bytes per second that reading `path` gave: a quarter of a second or 256 MiB from the middle of the file,
    /// whichever ends first, past the page cache where the file system allows. `nil` for a file that is too
    /// small to tell, or cannot be read.
    public static func readRate(of path: FilePath) -> Double? {
        guard let size = ((try? FileSystem.status(path)) ?? nil)?.size, size >= UInt64(depth * transfer)
        else {
            return nil
        }
        return try? measure(path, size: size)
    }

    private static func measure(_ path: FilePath, size: UInt64) throws(IOError) -> Double? {
        let file = try OpenFile.forReading(path, direct: true)
        let arena = try Arena(byteCount: depth * transfer)
        let engine = try makeEngine(.auto, queueDepth: depth, arena: arena, report: { _ in })
        let start = size / 2 / UInt64(transfer) * UInt64(transfer)
        var next = start
        var done: UInt64 = 0
        var completions: [IOCompletion] = []
        completions.reserveCapacity(depth)
        func submit(_ token: UInt64) {
            let buffer = arena.slice(offset: Int(token) * transfer, count: transfer)
            engine.submit(IORequest(.read, file: file.reference, offset: next, buffer: buffer, token: token))
            next += UInt64(transfer)
        }
        let clock = ContinuousClock()
        let begin = clock.now
        for token in 0..<UInt64(depth) where next + UInt64(transfer) <= size { submit(token) }
        while engine.pending > 0 {
            completions.removeAll(keepingCapacity: true)
            try engine.wait(&completions, timeout: nil)
            for completion in completions where completion.errorNumber == 0 {
                done += UInt64(completion.bytes)
                let isOver = clock.now - begin > timeLimit || next - start >= byteLimit
                if !isOver, next + UInt64(transfer) <= size { submit(completion.token) }
            }
        }
        let seconds = (clock.now - begin) / .seconds(1)
        return done > 0 && seconds > 0 ? Double(done) / seconds : nil
    }
}
