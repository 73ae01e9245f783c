import StreamIO

/// What one or more of those did who write the shards of a merge between them.
struct BuiltParts: Hashable, Sendable {
    /// What an audit looked at: see `AuditReport`.
    struct Audit: Hashable, Sendable {
        var seed: UInt64
        var share: Double
        var tensors: Int
        var rows: Int
        /// Of the output, compared.
        var bytes: UInt64
        var tensorsWithoutReference: Int
        var seconds: Double
    }

    /// Wall time of the one that took longest.
    var seconds: Double
    /// `nil` where nothing was audited.
    var audit: Audit?

    init(seconds: Double, audit: Audit?) {
        self.seconds = seconds
        self.audit = audit
    }
}

extension BuiltParts {
    var json: JSON {
        var members: [(String, JSON)] = [("record", .string("built")), ("seconds", .double(seconds))]
        if let audit { members.append(("audit", audit.json)) }
        return .object(JSONObject(members))
    }

    /// Reads what `json` writes; `nil` for anything else.
    init?(_ json: JSON) {
        guard let seconds = json["seconds"]?.doubleValue, (0..<1e9).contains(seconds) else { return nil }
        self.init(seconds: seconds, audit: nil)
        guard let audit = json["audit"] else { return }
        self.audit = Audit(audit)
        guard self.audit != nil else { return nil }
    }
}

extension BuiltParts.Audit {
    /// A petabyte: more than a part has of anything.
    private static let limit: UInt64 = 1 << 50

    fileprivate var json: JSON {
        .object(
            JSONObject([
                ("seed", .string(seed.hexadecimal)), ("share", .string(share.bitPattern.hexadecimal)),
                ("tensors", .int(tensors)), ("rows", .int(rows)), ("bytes", .int(bytes)),
                ("without_reference", .int(tensorsWithoutReference)), ("seconds", .double(seconds)),
            ]))
    }

    fileprivate init?(_ json: JSON) {
        func word(_ key: String) -> UInt64? { json[key]?.stringValue.flatMap { UInt64($0, radix: 16) } }
        guard let seed = word("seed"), let share = word("share").map({ Double(bitPattern: $0) }),
            share >= 0, share <= 1, let tensors = json["tensors"]?.countValue,
            let rows = json["rows"]?.countValue, let bytes = json["bytes"]?.countValue,
            let without = json["without_reference"]?.countValue, let seconds = json["seconds"]?.doubleValue,
            // Those of all parts are added.
            [tensors, rows, bytes, without].allSatisfy({ $0 < Self.limit })
        else { return nil }
        self.init(
            seed: seed, share: share, tensors: Int(clamping: tensors), rows: Int(clamping: rows),
            bytes: bytes, tensorsWithoutReference: Int(clamping: without), seconds: seconds)
    }
}
