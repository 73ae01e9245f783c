import StreamIO

/// Records as lines of text: the CRC-32C of the JSON in hexadecimal, a space, the JSON.
///
/// 64-bit and floating-point values are hexadecimal strings, as JSON readers round numbers.
extension JournalRecord {
    /// The line, its end included.
    var line: String {
        let text = json.serialized()
        return CRC32C.of(Array(text.utf8)).hexadecimal + " " + text + "\n"
    }

    /// Reads a line without its end; `nil` where it is damaged.
    init?(line: some Sequence<UInt8>) {
        let bytes = Array(line)
        guard bytes.count > 9, bytes[8] == UInt8(ascii: " "),
            let checksum = UInt32(String(decoding: bytes[..<8], as: UTF8.self), radix: 16)
        else { return nil }
        let text = Array(bytes[9...])
        guard CRC32C.of(text) == checksum, let json = try? JSON(parsing: text) else { return nil }
        self.init(json)
    }

    private var json: JSON {
        switch self {
        case .began(let identity):
            identity.json
        case .resumed: .object(JSONObject([("record", .string("resumed"))]))
        case .complete: .object(JSONObject([("record", .string("complete"))]))
        case .auditFailed(let difference):
            .object(JSONObject([("record", .string("audit failed")), ("difference", .string(difference))]))
        case .built(let built): built.json
        case .written(let written): written.json
        }
    }

    private init?(_ json: JSON) {
        switch json["record"]?.stringValue {
        case "resumed": self = .resumed
        case "complete": self = .complete
        case "audit failed": self = .auditFailed(json["difference"]?.stringValue ?? "")
        case "written":
            guard let record = WrittenRecord(json) else { return nil }
            self = .written(record)
        case "built":
            guard let built = BuiltParts(json) else { return nil }
            self = .built(built)
        case "began":
            guard let identity = MergeIdentity(json) else { return nil }
            self = .began(identity)
        default: return nil
        }
    }
}

extension MergeIdentity {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [
            ("record", .string("began")), ("revision", .int(revision)),
            ("plan", .string(plan.hexadecimal)), ("config", .string(config.hexadecimal)),
            ("inputs", .array(inputs.map(\.json))),
        ]
        if let seed { members.append(("seed", .string(seed.hexadecimal))) }
        if let fileCount { members.append(("files", .int(fileCount))) }
        return .object(JSONObject(members))
    }

    fileprivate init?(_ json: JSON) {
        func word(_ key: String) -> UInt64? { json[key]?.stringValue.flatMap { UInt64($0, radix: 16) } }
        guard let revision = json["revision"]?.intValue, let plan = word("plan"), let config = word("config"),
            let entries = json["inputs"]?.arrayValue
        else { return nil }
        let inputs = entries.compactMap(Input.init)
        guard inputs.count == entries.count else { return nil }
        self.init(revision: revision, plan: plan, config: config, inputs: inputs)
        seed = word("seed")
        fileCount = json["files"]?.intValue
    }
}

extension MergeIdentity.Input {
    fileprivate var json: JSON {
        .object(
            JSONObject([
                ("name", .string(name)), ("size", .int(size)), ("inode", .string(inode.hexadecimal)),
                ("modified", .int(modified)), ("changed", .int(changed)),
                ("header", .string(headerChecksum.hexadecimal)),
            ]))
    }

    fileprivate init?(_ json: JSON) {
        guard let name = json["name"]?.stringValue, let size = json["size"]?.countValue,
            let inode = json["inode"]?.stringValue.flatMap({ UInt64($0, radix: 16) }),
            let modified = json["modified"]?.intValue, let changed = json["changed"]?.intValue,
            let header = json["header"]?.stringValue.flatMap({ UInt32($0, radix: 16) })
        else { return nil }
        self.init(
            name: name, size: size, inode: inode, modified: Int64(modified), changed: Int64(changed),
            headerChecksum: header)
    }
}

extension WrittenRecord {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [
            ("record", .string("written")), ("shard", .int(shard)), ("through", .int(through)),
            ("whole", .bool(isWhole)), ("crc32c", .array(newChecksums.map { .string($0.hexadecimal) })),
            ("partial", .string(partial.hexadecimal)), ("partial_bytes", .int(partialBytes)),
        ]
        if let sha256 { members.append(("sha256", .string(sha256.hexadecimal))) }
        if let tensor {
            members.append(("tensor", .int(tensor)))
            members.append(("constants", .array(constants.map { .string($0.hexadecimal) })))
        }
        if !finished.isEmpty {
            let entries = finished.sorted { $0.key < $1.key }.map {
                ("\($0.key)", JSON.string($0.value.text))
            }
            members.append(("finished", .object(JSONObject(entries))))
        }
        if !findings.isEmpty { members.append(("found", findings.json)) }
        if let statistics { members.append(("statistics", .int(statistics))) }
        return .object(JSONObject(members))
    }

    fileprivate init?(_ json: JSON) {
        func words(_ key: String) -> [UInt32]? {
            let entries = json[key]?.arrayValue ?? []
            let words = entries.compactMap { $0.stringValue.flatMap { UInt32($0, radix: 16) } }
            return words.count == entries.count ? words : nil
        }
        func optional<Value>(_ key: String, _ read: (JSON) -> Value?) -> Value?? {
            guard let value = json[key] else { return .some(nil) }
            return read(value).map { .some($0) }
        }
        guard let shard = json["shard"]?.countValue, let through = json["through"]?.countValue,
            let isWhole = json["whole"]?.boolValue, let checksums = words("crc32c"),
            let partial = json["partial"]?.stringValue.flatMap({ UInt32($0, radix: 16) }),
            let partialBytes = json["partial_bytes"]?.countValue, let constants = words("constants"),
            let sha256 = optional("sha256", { $0.stringValue.flatMap { SHA256Words(hexadecimal: $0) } }),
            let tensor = optional("tensor", \.countValue),
            let findings = optional("found", { WeightFindings($0) }),
            let statistics = optional("statistics", \.countValue)
        else { return nil }
        // Earlier versions kept none.
        var finished: [Int: TensorConstants] = [:]
        for member in json["finished"]?.objectValue?.members ?? [] {
            guard let index = Int(member.key), index >= 0,
                let words = member.value.stringValue.flatMap({ TensorConstants(text: $0) })
            else { return nil }
            finished[index] = words
        }
        self.init(
            shard: Int(shard), through: through, isWhole: isWhole, newChecksums: checksums,
            partial: partial, partialBytes: partialBytes, sha256: sha256, tensor: tensor.map { Int($0) },
            constants: constants, finished: finished,
            findings: findings ?? WeightFindings(), statistics: statistics.map { UInt64($0) })
    }
}

extension FixedWidthInteger {
    /// All digits of the number in base 16, leading zeros included.
    var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Self.bitWidth / 4 - digits.count) + digits
    }
}
