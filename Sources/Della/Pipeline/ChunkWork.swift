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
    /// Where these begin.
    let starts: [UnsafeMutableRawPointer]
    /// Where the stored bytes of each input begin: where several are made of the same ones, in the slot of one of them.
    let stored: [UnsafeMutableRawPointer]
    /// Where the values computed with begin: the stored bytes themselves where nothing is converted. They may begin
    /// there where something is, too.
    let values: [UnsafeMutableRawPointer]
    /// By input, what is read of rows that lie scattered.
    let staged: [StagedRows?]
    /// Reads not yet complete.
    var readsPending = 0
    /// The phase that it is to go through next, as an index of the layout's.
    var phase: Int
    /// Whether its slots count as read ahead: no worker has had it yet.
    var isAhead = true
    /// Whether values are those computed with.
    var isDecoded = false
    /// Whether the models' rows hold `kept ? x : b`.
    var isPruned = false
    /// Whether what of the inputs is not finite is still to be counted: not on a further reading.
    private(set) var countsInputs: Bool
    /// The buffer of row sums, while one is needed: those of a phase one after the other, a row each.
    var sums: UnsafeMutablePointer<Double>?
    var sumsBuffer: Int?
    /// Where the output goes.
    var window: OutputWindow?
    /// NaN and infinity found, by input; the last entry is the result's.
    var found: [NonfiniteCount]

    init(
        _ task: TensorTask, chunk: Int, slots: [Int], starts: [UnsafeMutableRawPointer],
        places: [InputPlace], phase: Int
    ) {
        self.task = task
        layout = task.layout
        self.chunk = chunk
        rows = task.layout.rows(ofChunk: chunk)
        self.slots = slots
        self.starts = starts
        stored = zip(places, task.layout.inputRows).map { place, rows in
            guard let start = place.stored ?? rows.lender.flatMap({ places[$0].stored }) else {
                preconditionFailure("who lends rows has them")
            }
            return start
        }
        values = places.map(\.values)
        staged = places.map(\.staged)
        self.phase = phase
        countsInputs = phase == 0
        found = Array(repeating: NonfiniteCount(), count: slots.count + 1)
    }

    /// The index of its first element in the tensor.
    var firstElement: UInt64 { UInt64(rows.lowerBound) * UInt64(layout.tensor.rowLength) }

    /// Forgets the counts once they are added, so that they are added once.
    func clearFound() {
        countsInputs = false
        for index in found.indices { found[index] = NonfiniteCount() }
    }
}
