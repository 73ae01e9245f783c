import SystemPackage

/// `model.safetensors.index.json`: which file of the folder holds which tensor.
struct CheckpointIndex: Hashable, Sendable {
    let shardOfTensor: [ExactString: String]
    /// Each once, in the order of their bytes.
    let shardNames: [String]

    init(reading path: FilePath) throws(CheckpointError) {
        let bytes: [UInt8]
        do throws(IOError) {
            bytes = try FileSystem.readWhole(path, limit: Checkpoint.indexByteLimit)
        } catch {
            throw CheckpointError(path, .unreadable(error))
        }
        if bytes.starts(with: "version https://git-lfs".utf8) { throw CheckpointError(path, .lfsPointer) }
        let json: JSON
        do throws(JSONError) {
            json = try JSON(parsing: bytes, allowsNonfinite: true)
        } catch {
            throw CheckpointError(path, .invalidIndex("\(error)"))
        }
        guard let map = json["weight_map"]?.objectValue else {
            throw CheckpointError(path, .invalidIndex("no weight_map"))
        }
        var shards: [ExactString: String] = [:]
        for member in map.members {
            guard let name = member.value.stringValue else {
                throw CheckpointError(path, .invalidIndex("the file of tensor \(member.key) is not a string"))
            }
            guard Self.isPlain(name) else { throw CheckpointError(path, .invalidShardName(name)) }
            shards[ExactString(member.key)] = name
        }
        guard !shards.isEmpty else { throw CheckpointError(path, .invalidIndex("weight_map is empty")) }
        shardOfTensor = shards
        shardNames = Set(shards.values.map(ExactString.init)).sorted().map(\.string)
    }

    /// Whether a name can only mean a safetensors file in the folder itself.
    private static func isPlain(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") && !name.hasPrefix(".")
            && !name.unicodeScalars.contains { $0 == "/" || $0.value < 0x20 || $0.value == 0x7F }
    }
}
