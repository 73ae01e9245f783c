@testable import Della
@testable import MergeReference

/// Moments to stop a merge at, run after run until it is done.
///
/// A tensor that is interrupted may have to be read again from its first row, so that a merge whose largest tensor
/// takes more than `most` bytes would never be done: the more runs there were, the later the moments are.
struct StopMoments {
    /// Bytes read and written, of the first runs.
    let most: UInt64
    private(set) var runs = 0

    init(most: UInt64) { self.most = most }

    /// The next run's.
    mutating func next(using random: inout SeededRandom) -> (progress: MergeProgress, stop: StopRequest) {
        runs += 1
        let limit = UInt64.random(in: 0...most * UInt64(1 + runs / 16), using: &random)
        let progress = MergeProgress(), stop = StopRequest()
        progress.onUpdate { if $0.bytesRead + $0.bytesWritten > limit { stop.request() } }
        return (progress, stop)
    }
}
