/// The header of a safetensors file: eight bytes of length, little-endian, and that much JSON.
///
/// A value of this type is valid: checked completely, as the format's own library does, before it is believed.
/// Source: the format's description and checks, huggingface/safetensors. One step stricter: a key that is there
/// twice is refused.
public struct SafetensorsHeader: Hashable, Sendable {
    /// The most bytes of JSON that the format allows.
    public static let jsonByteLimit: UInt64 = 100_000_000
    /// What the length of an encoded header is a multiple of, in bytes, so that tensor data starts on a page.
    public static let encodedAlignment = 4096

    /// One tensor of the file.
    public struct Tensor: Hashable, Sendable {
        /// Any text.
        public var name: String
        /// Of its elements.
        public var type: ElementType
        /// Empty for a scalar. A dimension may be 0.
        public var shape: [Int]
        /// Where its data begins, in bytes after the header.
        public var begin: UInt64
        /// Where its data ends, in bytes after the header.
        public var end: UInt64

        /// A tensor whose data lie from `begin` to `end`.
        public init(name: String, type: ElementType, shape: [Int], begin: UInt64, end: UInt64) {
            self.name = name
            self.type = type
            self.shape = shape
            self.begin = begin
            self.end = end
        }

        /// The length of its data, in bytes.
        public var byteCount: UInt64 { end - begin }
    }

    /// The length of the header, in bytes, its own length included: where tensor data starts in the file.
    public private(set) var byteCount: UInt64
    /// `__metadata__`; empty where there is none.
    public let metadata: [String: String]
    /// By offset; of empty tensors at one offset, in the order written.
    public let tensors: [Tensor]

    /// The length of all tensors' data, in bytes.
    public var dataByteCount: UInt64 { tensors.last?.end ?? 0 }

    /// The length of the JSON that the first eight bytes of a file announce.
    ///
    /// - Throws: `fileTooShort`, `headerTooLarge`, `headerBeyondFile`.
    public static func jsonByteCount(
        prefix: [UInt8], fileByteCount: UInt64
    ) throws(SafetensorsError) -> Int {
        guard prefix.count >= 8, fileByteCount >= 8 else { throw .fileTooShort(byteCount: fileByteCount) }
        let count = prefix[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard count <= jsonByteLimit else { throw .headerTooLarge(byteCount: count) }
        guard count <= fileByteCount - 8 else {
            throw .headerBeyondFile(byteCount: count, fileByteCount: fileByteCount)
        }
        return Int(count)
    }

    /// Reads and validates a header.
    ///
    /// - Parameters:
    ///   - bytes: the file from its start, to the header's end at least.
    ///   - fileByteCount: the length of the whole file.
    public init(parsing bytes: [UInt8], fileByteCount: UInt64) throws(SafetensorsError) {
        let count = try Self.jsonByteCount(prefix: bytes, fileByteCount: fileByteCount)
        guard bytes.count - 8 >= count else {
            throw .headerBeyondFile(byteCount: UInt64(count), fileByteCount: UInt64(bytes.count))
        }
        var table = TensorTable(TensorTable.Extent())
        let source: JSONReader.Source = { buffer, offset in
            bytes[(8 + offset)...].withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<buffer.count]))
            }
            return buffer.count
        }
        do {
            metadata = try SafetensorsParser.parse(JSONReader(byteCount: count, source: source)) { entry in
                guard let number = table.insert(entry.name), table.claim(number) else {
                    throw SafetensorsError.duplicateTensor(entry.nameText)
                }
                table.append(name: number, entry)
            }
            byteCount = UInt64(8 + count)
            try table.completeFile(dataByteCount: fileByteCount - byteCount)
        } catch let error as SafetensorsError {
            throw error
        } catch {
            preconditionFailure("bytes in memory can be read: \(error)")
        }
        tensors = (0..<table.count).map { place in
            let begin = table.begin(at: place)
            return Tensor(
                name: table.name(at: place), type: table.type(at: place), shape: table.shape(at: place),
                begin: begin, end: begin + table.byteCount(at: place))
        }
    }

    /// Lays tensors out one after the other.
    ///
    /// - Precondition: no name twice, no dimension negative, elements that end on a byte.
    public init(
        layingOut tensors: some Sequence<(name: String, type: ElementType, shape: [Int])>,
        metadata: [String: String] = ["format": "pt"]
    ) {
        var placed: [Tensor] = []
        var offset: UInt64 = 0
        for tensor in tensors {
            guard let bits = Self.bitCount(tensor.shape, tensor.type) else {
                preconditionFailure("tensor \(tensor.name) is too large")
            }
            precondition(bits % 8 == 0, "tensor \(tensor.name) does not end on a byte")
            placed.append(
                Tensor(
                    name: tensor.name, type: tensor.type, shape: tensor.shape, begin: offset,
                    end: offset + bits / 8))
            offset += bits / 8
        }
        self.tensors = placed
        self.metadata = metadata
        byteCount = 0
        byteCount = UInt64(encoder(keeping: nil).byteCount)
    }

    /// The header's bytes, its length first, padded with spaces to `encodedAlignment`; what `init(layingOut:)`
    /// made has `byteCount` of them.
    public func encoded() -> [UInt8] { encoder(keeping: Int(byteCount)).encoded() }

    private func encoder(keeping byteCount: Int?) -> SafetensorsHeaderEncoder {
        var encoder = SafetensorsHeaderEncoder(metadata: metadata, keeping: byteCount)
        for tensor in tensors {
            encoder.append(
                name: tensor.name, type: tensor.type, shape: tensor.shape, byteCount: tensor.byteCount)
        }
        return encoder
    }

    /// The size of a tensor in bits; `nil` where it does not fit in 63 bits.
    ///
    /// A dimension of 0 does not excuse an overflow before it: the format's library multiplies in order, too.
    static func bitCount(_ shape: some Sequence<Int>, _ type: ElementType) -> UInt64? {
        var count = 1
        for dimension in shape {
            precondition(dimension >= 0, "negative dimension")
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            if overflow { return nil }
            count = product
        }
        let (bits, overflow) = count.multipliedReportingOverflow(by: type.bitWidth)
        return overflow ? nil : UInt64(bits)
    }
}
