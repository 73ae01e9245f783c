import StreamIO

/// The rows of one chunk on their way through the merge: which buffers hold them, what has been done, and
/// what came of it.
///
/// Owned by the merge's thread, lent to one worker between being dispatched and coming back.
final class ChunkWork: @unchecked Sendable {
    let layout: TensorLayout
    let task: TensorTask
    /// The chunk's number within the tensor.
    let chunk: Int
    let rows: Range<Int>
    /// Slots by input, base first.
    let slots: [Int]
    /// Where the stored bytes of each input begin.
    var stored: [UnsafeMutableRawPointer]
    /// Where the values computed with begin: the stored bytes themselves where nothing is converted. They may begin
    /// there where something is, too.
    var values: [UnsafeMutableRawPointer]
    /// Reads not yet complete.
    var readsPending = 0
    /// Whether values are decoded and the models' rows pruned: the first phase is over.
    var isPruned = false
    /// Whether input values are still to be counted: not on a second reading.
    let countsInputs: Bool
    /// The buffer of row sums, while one is needed: `terms × rows`.
    var sums: UnsafeMutablePointer<RowSums>?
    var sumsBuffer: Int?
    /// Where the output goes.
    var window: OutputWindow?
    /// NaN and infinity found, by input; the last entry is the result's.
    var found: [NonfiniteCount]

    init(
        _ task: TensorTask, chunk: Int, slots: [Int], stored: [UnsafeMutableRawPointer],
        values: [UnsafeMutableRawPointer], countsInputs: Bool
    ) {
        self.task = task
        layout = task.layout
        self.chunk = chunk
        rows = task.layout.rows(ofChunk: chunk)
        self.slots = slots
        self.stored = stored
        self.values = values
        self.countsInputs = countsInputs
        found = Array(repeating: NonfiniteCount(), count: slots.count + 1)
    }

    /// Forgets the counts once they are added, so that they are added once.
    func clearFound() {
        for index in found.indices { found[index] = NonfiniteCount() }
    }
}
