/// The tensors of one or more files of weights in flat arrays, their names interned.
///
/// Takes `Extent.byteCount`: some 60 bytes a tensor, its name and 8 bytes a dimension.
struct TensorTable: Hashable, Sendable {
    /// How much there is to hold.
    struct Extent: Hashable, Sendable {
        var tensors = 0
        var nameBytes = 0
        var dimensions = 0

        /// What a table of this extent takes while it is filled, in bytes.
        var byteCount: UInt64 {
            let each =
                NameTable.bytesPerName + 5 * MemoryLayout<UInt32>.stride + 1 + 2 * MemoryLayout<UInt64>.stride
            return UInt64(tensors * each + nameBytes + dimensions * MemoryLayout<Int>.stride)
        }

        static func + (left: Self, right: Self) -> Self {
            Self(
                tensors: left.tensors + right.tensors, nameBytes: left.nameBytes + right.nameBytes,
                dimensions: left.dimensions + right.dimensions)
        }
    }

    private(set) var names: NameTable
    // By row, which is the order in which the tensors were added.
    private var nameNumbers: [UInt32] = []
    private var types: [ElementType] = []
    private var shapeEnds: [UInt32] = []
    private var dimensions: [Int] = []
    private var begins: [UInt64] = []
    /// Only until a file is complete.
    private var ends: [UInt64] = []
    /// The row of each place, which goes by file, then offset.
    private var rows: [UInt32] = []
    /// The place of each name; `UInt32.max` for a name without a tensor, one less while its file is read.
    private var places: [UInt32]

    /// A table for so many tensors, whose names may be there already.
    init(_ extent: Extent, names: NameTable? = nil) {
        self.names = names ?? NameTable(capacity: extent.tensors, byteCapacity: extent.nameBytes)
        places = Array(repeating: .max, count: self.names.count)
        if names == nil { places.reserveCapacity(extent.tensors) }
        nameNumbers.reserveCapacity(extent.tensors)
        types.reserveCapacity(extent.tensors)
        shapeEnds.reserveCapacity(extent.tensors)
        dimensions.reserveCapacity(extent.dimensions)
        begins.reserveCapacity(extent.tensors)
        rows.reserveCapacity(extent.tensors)
    }

    /// The number of tensors of complete files.
    var count: Int { rows.count }

    func name(at place: Int) -> String { names[Int(nameNumbers[row(place)])] }

    /// The number of the tensor's name.
    func nameNumber(at place: Int) -> Int { Int(nameNumbers[row(place)]) }

    func type(at place: Int) -> ElementType { types[row(place)] }

    func shape(at place: Int) -> [Int] { Array(dimensions[shapeRange(row(place))]) }

    /// Where its data begins, in bytes after the header.
    func begin(at place: Int) -> UInt64 { begins[row(place)] }

    /// The length of its data.
    func byteCount(at place: Int) -> UInt64 { bitCount(row(place)).unsafelyUnwrapped / 8 }

    /// The place of the tensor of exactly that name. O(1).
    func place(named name: String) -> Int? {
        guard let number = names.number(of: name), places[number] != .max else { return nil }
        return Int(places[number])
    }

    /// Of the names that were there before the tensors, the number of the first in order without one.
    func nameWithoutTensor() -> Int? {
        places.indices.filter { places[$0] == .max }.min { ExactString(names[$0]) < ExactString(names[$1]) }
    }

    private func row(_ place: Int) -> Int { Int(rows[place]) }

    private func shapeRange(_ row: Int) -> Range<Int> {
        (row == 0 ? 0 : Int(shapeEnds[row - 1]))..<Int(shapeEnds[row])
    }

    // MARK: Filling

    /// Adds a name without a tensor; `nil` where it is there.
    mutating func insert(_ name: [UInt8]) -> Int? {
        let (number, isNew) = name.withUnsafeBufferPointer { names.insert($0) }
        guard isNew else { return nil }
        places.append(.max)
        return number
    }

    /// Marks a name as one that has its tensor; false where it was marked before.
    mutating func claim(_ number: Int) -> Bool {
        guard places[number] == .max else { return false }
        places[number] = .max - 1
        return true
    }

    /// Adds a tensor of the file under way, under a name that was claimed.
    mutating func append(name number: Int, _ entry: HeaderEntry) {
        nameNumbers.append(UInt32(number))
        types.append(entry.type)
        dimensions.append(contentsOf: entry.shape)
        shapeEnds.append(UInt32(dimensions.count))
        begins.append(UInt64(entry.begin))
        ends.append(UInt64(entry.end))
    }

    /// Ends a file: its tensors get their places, and each is checked against its shape, and all of them against the
    /// file's data.
    ///
    /// - Parameter isDense: whether the tensors must cover the data exactly; else they may lie anywhere in it, several
    ///   in one place too.
    mutating func completeFile(dataByteCount: UInt64, isDense: Bool = true) throws(SafetensorsError) {
        let first = rows.count
        let begins = begins, ends = ends
        rows.append(contentsOf: UInt32(first)..<UInt32(begins.count))
        // Empty tensors at one offset stay in the order written.
        func key(_ row: UInt32) -> (UInt64, UInt64, UInt32) {
            (begins[Int(row)], ends[Int(row) - first], row)
        }
        let isSorted = zip(rows[first...], rows[first...].dropFirst()).allSatisfy { key($0) < key($1) }
        if !isSorted { rows[first...].sort { key($0) < key($1) } }
        var position: UInt64 = 0
        for place in first..<rows.count {
            let row = row(place)
            let (begin, end) = (begins[row], ends[row - first])
            func name() -> String { self.name(at: place) }
            guard begin <= end, end <= dataByteCount else { throw .invalidOffsets(tensor: name()) }
            guard !isDense || begin >= position else { throw .overlap(tensor: name()) }
            guard !isDense || begin == position else { throw .hole(tensor: name()) }
            position = end
            guard let bits = bitCount(row) else { throw .sizeOverflow(tensor: name()) }
            guard bits % 8 == 0 else { throw .misaligned(tensor: name()) }
            guard bits / 8 == end - begin else {
                throw .lengthMismatch(tensor: name(), byteCount: end - begin, expected: bits / 8)
            }
            places[Int(nameNumbers[row])] = UInt32(place)
        }
        guard !isDense || position == dataByteCount else {
            throw .trailingBytes(count: dataByteCount - position)
        }
        self.ends = []
    }

    private func bitCount(_ row: Int) -> UInt64? {
        SafetensorsHeader.bitCount(dimensions[shapeRange(row)], types[row])
    }
}
