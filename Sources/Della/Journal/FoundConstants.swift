import StreamIO

/// What was found of whole tensors, by their place in the plan: a few words each, held flat, as there may be hundreds of
/// thousands of tensors.
struct FoundConstants: Hashable, Sendable {
    /// Words of all tensors, at most: twice as many as `dellad.json` has room for. What is beyond is left out, and found
    /// anew where it is needed.
    static let wordLimit = 6 << 20

    /// In the plan's order.
    private var places: [TensorPlace] = []
    /// Where each tensor's words end.
    private var ends: [UInt32] = []
    private var words: [UInt32] = []

    /// Tensors.
    var count: Int { places.count }

    subscript(place: TensorPlace) -> TensorConstants? {
        let index = index(of: place)
        guard index < places.count, places[index] == place else { return nil }
        return TensorConstants(words: Array(words[start(index)..<Int(ends[index])]))
    }

    /// Notes what was found of a tensor that is behind all others; of any other, nothing.
    mutating func note(_ constants: TensorConstants, at place: TensorPlace) {
        if let last = places.last, last >= place { return }
        guard words.count + constants.words.count <= Self.wordLimit else { return }
        places.append(place)
        words += constants.words
        ends.append(UInt32(words.count))
    }

    private func start(_ index: Int) -> Int { index == 0 ? 0 : Int(ends[index - 1]) }

    /// The first tensor that is not before the place.
    private func index(of place: TensorPlace) -> Int {
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
