/// The directory of a zip archive whose entries are stored as they are, checked completely before it is believed.
///
/// Source: PKWARE's APPNOTE 6.3, as far as `torch.save` uses it: one disk, no compression, no encryption, ZIP64 where
/// sizes or offsets take more than 32 bits. Every entry's own header is held against the directory, entries may not
/// overlap, and none may lead into the directory or out of the file.
struct ZipDirectory {
    /// The most entries: one a storage.
    static let entryLimit = 1_000_000
    /// The most bytes of directory.
    static let byteLimit = 100_000_000
    /// The most bytes of an entry's name.
    static let nameLimit = 1024
    /// What an entry takes beside its name, in bytes.
    private static let bytesPerEntry = NameTable.bytesPerName + 3 * 8 + 2 * 4
    /// The end record, and the longest comment after it.
    private static let tailLimit: UInt64 = 22 + 0xFFFF

    /// In the order of the directory.
    private(set) var names: NameTable
    /// Where each entry's own header begins; once that was read, where its data begin.
    private var begins: [UInt64] = []
    private var sizes: [UInt64] = []
    private var checksums: [UInt32] = []
    /// What it takes, in bytes.
    let memory: UInt64
    private let file: TextFile
    /// Where the directory lies in the file.
    private let range: Range<UInt64>

    /// The bytes of an entry's data in the file; `nil` where there is none of that name.
    func data(of name: [UInt8]) -> Range<UInt64>? {
        name.withUnsafeBufferPointer { names.number(of: $0) }.map { begins[$0]..<begins[$0] + sizes[$0] }
    }

    /// Reads and checks the directory of a file.
    ///
    /// - Parameter room: the most bytes of memory that it may take.
    /// - Throws: `TorchFileError`, and what the file throws.
    init(reading file: TextFile, room: UInt64) throws {
        self.file = file
        let (range, count) = try Self.place(file)
        self.range = range
        guard count <= UInt64(Self.entryLimit) else {
            throw TorchFileError.tooMuch("entries in the zip directory", limit: Self.entryLimit)
        }
        let byteCount = range.upperBound - range.lowerBound
        guard byteCount <= UInt64(Self.byteLimit) else {
            throw TorchFileError.tooMuch("bytes of zip directory", limit: Self.byteLimit)
        }
        guard count.multipliedSaturated(by: 46) <= byteCount else {
            throw TorchFileError.invalidDirectory("it has no place for its \(count) entries")
        }
        memory = count * UInt64(Self.bytesPerEntry) + byteCount
        guard memory <= room else { throw TorchFileError.noRoom(needed: memory, tensors: Int(count)) }
        names = NameTable(capacity: Int(count), byteCapacity: Int(byteCount) - 46 * Int(count))
        begins.reserveCapacity(Int(count))
        sizes.reserveCapacity(Int(count))
        checksums.reserveCapacity(Int(count))
        var window = ByteWindow(file, range)
        for _ in 0..<count { try readEntry(&window) }
        guard window.remaining == 0 else {
            throw TorchFileError.invalidDirectory("\(window.remaining) bytes after its last entry")
        }
        try checkHeaders()
    }

    // MARK: The end records

    /// Where the directory lies, and how many entries it has.
    private static func place(_ file: TextFile) throws -> (Range<UInt64>, count: UInt64) {
        let size = file.status.size
        let tailStart = size - min(size, tailLimit)
        let tail = try file.bytes(at: tailStart, count: Int(size - tailStart))
        guard let at = endRecord(tail) else {
            throw TorchFileError.cutShort
        }
        let end = LittleEndian(tail[at...])
        let record = tailStart + UInt64(at)
        var count = UInt64(end.short(10))
        var byteCount = UInt64(end.word(12))
        var offset = UInt64(end.word(16))
        var limit = record
        var isWhole = end.short(4) == 0 && end.short(6) == 0 && end.short(8) == end.short(10)
        if record >= 20, let locator = try Self.locator(file, record - 20) {
            // The wide record ends where its locator begins.
            limit = locator.long(8)
            guard limit <= record - 20, record - 20 - limit >= 56 else {
                throw TorchFileError.invalidDirectory("its ZIP64 record is not where the locator says")
            }
            let wide = LittleEndian(try file.bytes(at: limit, count: 56)[...])
            guard wide.word(0) == 0x0606_4B50, wide.long(4).addingSaturated(12) == record - 20 - limit else {
                throw TorchFileError.invalidDirectory("its ZIP64 record is not where the locator says")
            }
            func fits(_ narrow: UInt64, _ full: UInt64, _ value: UInt64) -> Bool {
                narrow == full || narrow == value
            }
            isWhole =
                isWhole && locator.word(4) == 0 && locator.word(16) <= 1 && wide.word(16) == 0
                && wide.word(20) == 0
                && wide.long(24) == wide.long(32) && fits(count, 0xFFFF, wide.long(32))
                && fits(byteCount, 0xFFFF_FFFF, wide.long(40)) && fits(offset, 0xFFFF_FFFF, wide.long(48))
            (count, byteCount, offset) = (wide.long(32), wide.long(40), wide.long(48))
        }
        guard isWhole else {
            throw TorchFileError.invalidDirectory("its two end records differ, or it has several disks")
        }
        guard offset.addingSaturated(byteCount) == limit, offset <= limit else {
            throw TorchFileError.invalidDirectory("it does not end where its end record begins")
        }
        return (offset..<limit, count)
    }

    /// Where the end record begins, whose comment leads exactly to the file's end; the last one that does.
    private static func endRecord(_ tail: [UInt8]) -> Int? {
        guard tail.count >= 22 else { return nil }
        return (0...tail.count - 22).reversed().first { at in
            guard tail[at] == 0x50, tail[at + 1] == 0x4B, tail[at + 2] == 5, tail[at + 3] == 6 else {
                return false
            }
            return at + 22 + Int(LittleEndian(tail[at...]).short(20)) == tail.count
        }
    }

    private static func locator(_ file: TextFile, _ offset: UInt64) throws -> LittleEndian? {
        let bytes = LittleEndian(try file.bytes(at: offset, count: 20)[...])
        return bytes.word(0) == 0x0706_4B50 ? bytes : nil
    }

    // MARK: Entries

    private mutating func readEntry(_ window: inout ByteWindow) throws {
        var bytes: [UInt8] = []
        guard try window.read(46, to: &bytes) else {
            throw TorchFileError.invalidDirectory("it ends within an entry")
        }
        let fixed = LittleEndian(bytes[...])
        guard fixed.word(0) == 0x0201_4B50 else {
            throw TorchFileError.invalidDirectory("no entry where one should be")
        }
        let nameCount = Int(fixed.short(28)), extraCount = Int(fixed.short(30))
        guard nameCount <= Self.nameLimit else {
            throw TorchFileError.tooMuch("bytes in the name of a zip entry", limit: Self.nameLimit)
        }
        var name: [UInt8] = [], extra: [UInt8] = []
        guard try window.read(nameCount, to: &name), try window.read(extraCount, to: &extra),
            try window.skip(UInt64(fixed.short(32)))
        else { throw TorchFileError.invalidDirectory("it ends within an entry") }
        let text = Self.text(name)
        if fixed.short(8) & 1 != 0 { throw TorchFileError.encrypted(entry: text) }
        if fixed.short(10) != 0 { throw TorchFileError.compressed(entry: text) }
        var wide = WideFields(extra)
        let size = try wide.value(fixed.word(24), of: text)
        let stored = try wide.value(fixed.word(20), of: text)
        let begin = try wide.value(fixed.word(42), of: text)
        guard size == stored else { throw TorchFileError.compressed(entry: text) }
        guard fixed.short(34) == 0 else {
            throw TorchFileError.invalidDirectory("\(text) is on another disk")
        }
        guard begin.addingSaturated(30 + UInt64(nameCount)).addingSaturated(size) <= range.lowerBound else {
            throw TorchFileError.beyondFile(entry: text)
        }
        guard name.withUnsafeBufferPointer({ names.insert($0) }).isNew else {
            throw TorchFileError.duplicateEntry(text)
        }
        begins.append(begin)
        sizes.append(size)
        checksums.append(fixed.word(16))
    }

    /// Holds every entry's own header against the directory, in the order of the file.
    private mutating func checkHeaders() throws {
        var order = Array(UInt32(0)..<UInt32(names.count))
        order.sort { (begins[Int($0)], $0) < (begins[Int($1)], $1) }
        var end: UInt64 = 0
        for number in order.lazy.map({ Int($0) }) {
            let name = names.bytes(of: number), text = Self.text(Array(name))
            let begin = begins[number]
            guard begin >= end else { throw TorchFileError.overlap(entry: text) }
            let nameCount = name.count
            let bytes = try file.bytes(at: begin, count: 30 + nameCount)
            let fixed = LittleEndian(bytes[...])
            func differs(_ field: String) -> TorchFileError { .headerMismatch(entry: text, field: field) }
            guard fixed.word(0) == 0x0403_4B50 else { throw differs("signature") }
            guard Int(fixed.short(26)) == nameCount, bytes[30...].elementsEqual(name) else {
                throw differs("name")
            }
            guard fixed.short(6) & 1 == 0, fixed.short(8) == 0 else { throw differs("method") }
            begins[number] = begin + 30 + UInt64(nameCount) + UInt64(fixed.short(28))
            end = begins[number].addingSaturated(sizes[number])
            guard end <= range.lowerBound else { throw TorchFileError.beyondFile(entry: text) }
            // What is written before its size is known has zeros there.
            let comesLater = fixed.short(6) & 8 != 0
            if comesLater, fixed.word(14) == 0, fixed.word(18) == 0, fixed.word(22) == 0 { continue }
            guard fixed.word(14) == checksums[number] || comesLater && fixed.word(14) == 0 else {
                throw differs("checksum")
            }
            let extra =
                fixed.short(28) > 0
                ? try file.bytes(at: begin + 30 + UInt64(nameCount), count: Int(fixed.short(28))) : []
            var wide = WideFields(extra)
            let size = try wide.value(fixed.word(22), of: text),
                stored = try wide.value(fixed.word(18), of: text)
            guard size == stored, size == sizes[number] || comesLater && size == 0 else {
                throw differs("size")
            }
        }
    }

    private static func text(_ name: [UInt8]) -> String {
        String(decoding: name, as: UTF8.self).printable(atMost: 120)
    }
}

/// Numbers in bytes, little-endian, by their offset.
private struct LittleEndian {
    let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    func short(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(offset, 2)) }
    func word(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(offset, 4)) }
    func long(_ offset: Int) -> UInt64 { number(offset, 8) }

    private func number(_ offset: Int, _ count: Int) -> UInt64 {
        let start = bytes.startIndex + offset
        return bytes[start..<start + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The numbers of an entry's ZIP64 field, in order: one for each that does not fit its 32 bits.
private struct WideFields {
    private var bytes: ArraySlice<UInt8> = []
    private var isValid = true

    init(_ extra: [UInt8]) {
        var at = 0
        while extra.count - at >= 4 {
            let field = LittleEndian(extra[at...])
            let count = Int(field.short(2))
            guard extra.count - at - 4 >= count else {
                isValid = false
                return
            }
            if field.short(0) == 1, bytes.isEmpty { bytes = extra[at + 4..<at + 4 + count] }
            at += 4 + count
        }
    }

    mutating func value(_ narrow: UInt32, of entry: String) throws -> UInt64 {
        guard isValid else { throw TorchFileError.invalidDirectory("a field of \(entry) leads beyond it") }
        guard narrow == .max else { return UInt64(narrow) }
        guard bytes.count >= 8 else {
            throw TorchFileError.invalidDirectory("\(entry) lacks its ZIP64 field")
        }
        defer { bytes = bytes.dropFirst(8) }
        return LittleEndian(bytes).long(0)
    }
}
