import Foundation

/// A safetensors file, read whole and by itself: eight bytes of length, the JSON, the data.
struct TensorFile {
    struct Tensor: Equatable {
        var name: String
        var type: StoredType
        var shape: [Int]
        var bytes: [UInt8]
        /// Where its data begin, in bytes from the start of the file.
        var offset = 0
        /// The values, where they are more than the bytes: of rows picked by token, of what an adapter adds to.
        var exact: [Float]?
        /// What a report must say of it; `nil` where it was copied.
        var figures: ReferenceFigures?

        /// In float32.
        var values: [Float] { exact ?? ReferenceFormat.decode(type, bytes) }

        var count: Int { shape.reduce(1, *) }
    }

    struct Damage: Error, CustomStringConvertible {
        var description: String
    }

    /// In the order of their data.
    var tensors: [Tensor]
    /// Where the data begin, in bytes.
    var dataStart: Int
    var metadata: [String: String]

    init(tensors: [Tensor]) {
        self.tensors = tensors
        dataStart = 0
        metadata = [:]
    }

    init(reading path: String) throws {
        let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        guard file.count >= 8 else { throw Damage(description: "\(path) has \(file.count) bytes") }
        let length = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        guard
            let header = try JSONSerialization.jsonObject(with: Data(file[8..<8 + length])) as? [String: Any]
        else { throw Damage(description: "\(path): the header is no object") }
        let start = 8 + length
        dataStart = start
        metadata = header["__metadata__"] as? [String: String] ?? [:]
        var places: [(Tensor, begin: Int)] = []
        for (name, value) in header where name != "__metadata__" {
            guard let entry = value as? [String: Any], let word = entry["dtype"] as? String,
                let type = StoredType(rawValue: word), let shape = entry["shape"] as? [Int],
                let range = entry["data_offsets"] as? [Int], range.count == 2
            else { throw Damage(description: "\(path): \(name) is \(value)") }
            guard shape.reduce(type.byteWidth, *) == range[1] - range[0], start + range[1] <= file.count
            else {
                throw Damage(description: "\(path): \(name) does not fit")
            }
            let bytes = Array(file[start + range[0]..<start + range[1]])
            places.append(
                (
                    Tensor(name: name, type: type, shape: shape, bytes: bytes, offset: start + range[0]),
                    range[0]
                ))
        }
        // Tensors without elements begin where their neighbours do.
        tensors = places.sorted { ($0.begin, $0.0.bytes.count) < ($1.begin, $1.0.bytes.count) }.map(\.0)
        let end = tensors.map { $0.offset + $0.bytes.count }.max() ?? start
        guard tensors.isEmpty || end == file.count else {
            throw Damage(description: "\(path): \(file.count - end) bytes after the last tensor")
        }
    }

    /// The names of the tensors that are not what is expected, those that are missing included.
    func differences(from expected: [String: Tensor]) -> [String] {
        var missing = expected
        let wrong = tensors.filter { tensor in
            guard let right = missing.removeValue(forKey: tensor.name) else { return true }
            return tensor.type != right.type || tensor.shape != right.shape || tensor.bytes != right.bytes
        }
        return wrong.map(\.name) + missing.keys
    }

    /// The bytes of a file whose data begin at `alignment` bytes after a multiple of 4096.
    ///
    /// - Parameter alignment: `nil` pads nothing. Spaces after the JSON are legal, and put the data anywhere.
    static func encoded(_ tensors: [Tensor], alignment: Int?) -> [UInt8] {
        var position = 0
        var entries = ["\"__metadata__\":{\"format\":\"pt\"}"]
        for tensor in tensors {
            let end = position + tensor.bytes.count
            entries.append(
                "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":\(tensor.shape),"
                    + "\"data_offsets\":[\(position),\(end)]}")
            position = end
        }
        var json = Array("{\(entries.joined(separator: ","))}".utf8)
        if let alignment {
            let padding = ((alignment - 8 - json.count) % 4096 + 4096) % 4096
            json += Array(repeating: UInt8(ascii: " "), count: padding)
        }
        var bytes: [UInt8] = []
        ReferenceFormat.append(UInt64(json.count), to: &bytes)
        bytes += json
        for tensor in tensors { bytes += tensor.bytes }
        return bytes
    }
}
