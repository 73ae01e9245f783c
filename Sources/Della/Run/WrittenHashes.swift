import StreamIO
import SystemPackage

/// Takes the SHA-256 of what earlier runs wrote without taking one: reads it again, before the merge goes on.
///
/// Two buffers of the arena, which nothing else uses yet: one is read into while the other is hashed.
struct WrittenHashes {
    /// The most bytes of a buffer.
    private static let bufferLimit = 2 << 20
    /// The longest wait for a read, in nanoseconds; then stop requests are looked for.
    private static let longestWait: UInt64 = 500_000_000

    let plan: MergePlan
    let folder: FilePath
    let arena: UnsafeMutableRawBufferPointer
    let engine: any IOEngine
    let progress: MergeProgress
    let stop: StopRequest

    /// Gives every shard of `point` its digest, and the one under way its state.
    /// - Throws: `MergeFailure`, `stopped` too; no read is under way any more when it does.
    func complete(_ point: inout ResumePoint, report: (String) -> Void) throws(MergeFailure) {
        let missing = point.finished.indices.filter { point.finished[$0].sha256 == nil }
        let isUnderWay = point.offset > 0 && point.checksums.sha256 == nil
        guard isUnderWay || !missing.isEmpty else { return }
        report("reading what is written again: its SHA-256 was not taken")
        for shard in missing {
            point.finished[shard].sha256 = try hash(shard, plan.shards[shard].byteCount).digest
        }
        if isUnderWay { point.checksums.sha256 = try hash(point.shard, point.offset).state }
    }

    private func hash(_ shard: Int, _ byteCount: UInt64) throws(MergeFailure) -> SHA256 {
        do {
            let file = try OpenFile.forReading(folder.appending(plan.shards[shard].fileName), direct: true)
            // The kernel writes into the arena until then.
            defer { drain() }
            return try hash(file, byteCount)
        } catch {
            throw MergeFailure(error)
        }
    }

    private func hash(_ file: borrowing OpenFile, _ byteCount: UInt64) throws -> SHA256 {
        var hash = SHA256()
        var piece = 0
        submit(0, of: file, byteCount)
        while hash.byteCount < byteCount {
            let wanted = pieceRange(piece, byteCount).count
            let completion = try wait()
            guard completion.errorNumber == 0 else {
                throw IOError("read", file.path, Errno(rawValue: completion.errorNumber))
            }
            guard completion.bytes >= wanted else {
                throw IOError("read (it ends early)", file.path, .ioError)
            }
            submit(piece + 1, of: file, byteCount)
            hash.update(UnsafeRawBufferPointer(rebasing: buffer(piece)[..<wanted]))
            piece += 1
        }
        return hash
    }

    private var bufferBytes: Int {
        min(Self.bufferLimit, arena.count / 2) / MergeLayout.pageSize * MergeLayout.pageSize
    }

    private func buffer(_ piece: Int) -> UnsafeMutableRawBufferPointer {
        let start = piece % 2 * bufferBytes
        return UnsafeMutableRawBufferPointer(rebasing: arena[start..<start + bufferBytes])
    }

    private func pieceRange(_ piece: Int, _ byteCount: UInt64) -> Range<UInt64> {
        let start = min(byteCount, UInt64(piece) * UInt64(bufferBytes))
        return start..<min(byteCount, start + UInt64(bufferBytes))
    }

    /// Starts the read of a piece, if there is one. Whole pages: the rest is left out when it is hashed.
    private func submit(_ piece: Int, of file: borrowing OpenFile, _ byteCount: UInt64) {
        let range = pieceRange(piece, byteCount)
        guard !range.isEmpty else { return }
        let length = range.count.roundedUp(to: MergeLayout.pageSize)
        engine.submit(
            IORequest(
                .read, file: file.reference, offset: range.lowerBound,
                buffer: UnsafeMutableRawBufferPointer(rebasing: buffer(piece)[..<length]), token: 0))
    }

    private func wait() throws -> IOCompletion {
        var completions: [IOCompletion] = []
        while true {
            if stop.isRequested { throw MergeFailure.stopped }
            try engine.wait(&completions, timeout: Self.longestWait)
            if let completion = completions.first {
                progress.beat()
                return completion
            }
        }
    }

    private func drain() {
        var completions: [IOCompletion] = []
        var failures = 0
        while engine.pending > 0, failures < MergePipeline.failedWaitLimit {
            do { try engine.wait(&completions, timeout: Self.longestWait) } catch { failures += 1 }
        }
    }
}
