/// A file as `torch.save` writes it: a zip archive of stored entries, each tensor an entry that begins at a multiple of 64
/// bytes, with its size after it.
///
/// The entries' checksums are 0, as they would have to be known before the directory is written; dellad does not look
/// at them, zip programs do.
extension SyntheticShard {
    private static let alignment: UInt64 = 64
    /// What takes more has a field of 64 bits.
    private static let narrowLimit: UInt64 = 0xFFFF_FFFF

    /// - Parameter part: tensors, with their positions in the checkpoint.
    init(fileName: String, archiving part: [(Int, CheckpointShape.Tensor)]) {
        self.fileName = fileName
        (texts, placements, byteCount) = ([], [], 0)
        var directory: [UInt8] = []
        let prefix = String(fileName.dropLast(4)) + "/"
        append(prefix + "data.pkl", .bytes(StateDictionaryPickle(part.map(\.1)).bytes), &directory)
        append(prefix + "byteorder", .bytes(Array("little".utf8)), &directory)
        for (number, (ordinal, tensor)) in part.enumerated() {
            append("\(prefix)data/\(number)", .tensor(ordinal, tensor), &directory)
        }
        append(prefix + "version", .bytes(Array("3\n".utf8)), &directory)
        end(directory, entries: part.count + 3)
    }

    private enum Content {
        case bytes([UInt8])
        case tensor(Int, CheckpointShape.Tensor)
    }

    /// Numbers one after the other, the last byte of each first, each with its number of bytes.
    private static func fields(_ fields: (value: UInt64, count: Int)...) -> [UInt8] {
        fields.flatMap { StateDictionaryPickle.little(Int(truncatingIfNeeded: $0.value), $0.count) }
    }

    private mutating func append(text: [UInt8]) {
        texts.append(Text(offset: byteCount, bytes: text))
        byteCount += UInt64(text.count)
    }

    /// Adds an entry to the file, and to the directory.
    private mutating func append(_ name: String, _ content: Content, _ directory: inout [UInt8]) {
        let size: UInt64 =
            switch content {
            case .bytes(let bytes): UInt64(bytes.count)
            case .tensor(_, let tensor): tensor.byteCount
            }
        let begin = byteCount, length = UInt64(name.utf8.count)
        let isLong = size >= Self.narrowLimit, isFar = begin >= Self.narrowLimit
        let wide = (isLong ? Self.fields((size, 8), (size, 8)) : []) + (isFar ? Self.fields((begin, 8)) : [])
        let field = wide.isEmpty ? [] : Self.fields((1, 2), (UInt64(wide.count), 2)) + wide
        let start = begin + 30 + length + UInt64(field.count) + 4
        let padding = (Self.alignment - start % Self.alignment) % Self.alignment
        var extra = field + Array("FB".utf8) + Self.fields((padding, 2))
        extra += Array(repeating: UInt8(ascii: "Z"), count: Int(padding))
        // Version, flags (size later, names in UTF-8), stored, no time.
        let common = Self.fields((0, 2), (0x0808, 2), (0, 2), (0, 4))
        let header = Self.fields((0x0403_4B50, 4)) + common
        let lengths = Self.fields((0, 4), (0, 4), (0, 4), (length, 2), (UInt64(extra.count), 2))
        append(text: header + lengths + Array(name.utf8) + extra)
        switch content {
        case .bytes(let bytes): append(text: bytes)
        case .tensor(let ordinal, let tensor):
            placements.append(Placement(tensor: tensor, ordinal: ordinal, offset: byteCount))
            byteCount += size
        }
        let width = isLong || isFar ? 8 : 4
        append(text: Self.fields((0x0807_4B50, 4), (0, 4), (size, width), (size, width)))
        let narrow = isLong ? Self.narrowLimit : size
        directory += Self.fields((0x0201_4B50, 4), (0, 2)) + common
        directory += Self.fields((0, 4), (narrow, 4), (narrow, 4), (length, 2), (UInt64(field.count), 2))
        directory += Self.fields((0, 2), (0, 2), (0, 2), (0, 4), (isFar ? Self.narrowLimit : begin, 4))
        directory += Array(name.utf8) + field
    }

    /// Adds the directory and the records that end the file.
    private mutating func end(_ directory: [UInt8], entries: Int) {
        let begin = byteCount, count = UInt64(entries), size = UInt64(directory.count)
        append(text: directory)
        let isFar = begin >= Self.narrowLimit, isLarge = count >= 0xFFFF
        if isFar || isLarge {
            let record = byteCount
            append(text: Self.fields((0x0606_4B50, 4), (44, 8), (0x1E, 2), (45, 2), (0, 8)))
            append(text: Self.fields((count, 8), (count, 8), (size, 8), (begin, 8)))
            append(text: Self.fields((0x0706_4B50, 4), (0, 4), (record, 8), (1, 4)))
        }
        let narrow = isLarge ? 0xFFFF : count
        append(text: Self.fields((0x0605_4B50, 4), (0, 4), (narrow, 2), (narrow, 2), (size, 4)))
        append(text: Self.fields((isFar ? Self.narrowLimit : begin, 4), (0, 2)))
    }
}
