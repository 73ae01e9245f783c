import StreamIO
import SystemPackage

/// `dellad.json`: what a merge was made of and the checksums of what it wrote.
struct MergeRecord: TextInPieces {
    static let fileName = RecordedMerge.recordName

    /// A file of the output folder.
    struct File {
        var name: String
        /// Bytes.
        var size: UInt64
        /// CRC-32C of every 64 MiB.
        var checksums: [UInt32]
        /// `nil` where none is asked for.
        var sha256: SHA256Words?
    }

    let plan: MergePlan
    let configText: [UInt8]
    let files: [File]
    /// What was found of whole tensors.
    let constants: FoundConstants
    /// What was computed anew before publication; `nil` where nothing was.
    let audit: AuditReport?
    let seconds: Double
    let warnings: [String]

    /// All but the constants.
    private var json: JSON {
        .object(
            JSONObject([
                ("schema", .int(1)), ("dellad", .string(Version.current)),
                ("numerics_revision", .int(plan.numericsRevision)),
                ("method", .string(plan.method.name)), ("seed", .int(plan.seed)),
                ("models", .array(plan.modelNames.map(JSON.string))),
                ("config_crc32c", .string(CRC32C.of(configText).hexadecimal)),
                ("inputs", .array(inputs)), ("files", .array(files.map(\.json))),
                ("audit", audited),
                ("warnings", .array(LimitedWarnings(warnings).texts.map(JSON.string))),
                ("seconds", .double((seconds * 1000).rounded() / 1000)),
            ]))
    }

    /// What it takes to look at the same rows again, and what was looked at.
    private var audited: JSON {
        guard let audit else { return .null }
        return .object(
            JSONObject([
                ("seed", .int(audit.seed)), ("share", .double(audit.share)),
                ("tensors", .int(audit.tensors - audit.tensorsWithoutReference)),
                ("rows", .int(audit.rows)), ("bytes", .int(audit.bytes)),
                ("seconds", .double((audit.seconds * 1000).rounded() / 1000)),
            ]))
    }

    /// Bytes of constants and their names, at most, and of one name: an audit finds what is left out anew.
    private static let constantsLimit = 24 << 20
    private static let constantNameLimit = 1024

    /// The record with the constants by tensor, as a merge is checked by computing some of its rows again.
    func pieces(_ body: ([UInt8]) throws -> Void) rethrows {
        var piece = Array(json.serialized(indentedBy: 2).utf8.dropLast("\n}".utf8.count))
        piece.append(contentsOf: ",\n  \"constants\": {".utf8)
        var room = Self.constantsLimit
        var isFirst = true
        for (shard, content) in plan.shards.enumerated() {
            for index in content.tensors.indices {
                guard let constants = constants[TensorPlace(shard: shard, index: index)] else { continue }
                let (name, text) = (content.tensors.name(at: index), constants.text)
                // What JSON puts around the two, too.
                room -= name.utf8.count + text.utf8.count + 12
                guard room > 0, name.utf8.count <= Self.constantNameLimit else { continue }
                piece.append(
                    contentsOf: "\(isFirst ? "" : ",")\n    \(JSON.string(name).serialized()): \"\(text)\""
                        .utf8)
                isFirst = false
                guard piece.count >= Self.pieceBytes else { continue }
                try body(piece)
                piece.removeAll(keepingCapacity: true)
            }
        }
        piece.append(contentsOf: isFirst ? "}\n}\n".utf8 : "\n  }\n}\n".utf8)
        try body(piece)
    }

    /// The files that were read, by model or adapter and name: their folders are this machine's.
    private var inputs: [JSON] {
        plan.inputs.map { input in
            .object(
                JSONObject([
                    ("model", plan.folderNames[input.folder].map(JSON.string) ?? .null),
                    ("commit", Self.commit(of: input.path).map(JSON.string) ?? .null),
                    ("file", .string(input.path.lastComponent?.string ?? "")), ("size", .int(input.size)),
                    ("header_crc32c", .string(input.headerChecksum.hexadecimal)),
                ]))
        }
    }
}

extension MergeRecord {
    /// The commit that a file in Hugging Face's cache is of, by the folder that it was named in; `nil` elsewhere.
    static func commit(of path: FilePath) -> String? {
        let parts = path.components.map(\.string)
        guard let place = parts.lastIndex(of: "snapshots"), place > 0, parts[place - 1].hasPrefix("models--"),
            place + 1 < parts.count, parts[place + 1].utf8.count >= 7,
            parts[place + 1].allSatisfy(\.isHexDigit)
        else { return nil }
        return parts[place + 1]
    }
}

extension MergeRecord.File {
    /// Takes the checksums of a file that is there.
    init(reading name: String, in folder: FilePath, takesSHA256: Bool) throws(IOError) {
        let file = try OpenFile.forReading(folder.appending(name), direct: false)
        var checksums = ChunkChecksums()
        var hash = SHA256()
        var offset: UInt64 = 0
        // A piece divides the 64 MiB that a checksum covers.
        while true {
            let bytes = try file.read(upTo: 1 << 20, at: offset)
            if bytes.isEmpty { break }
            checksums.append(CRC32C.of(bytes), byteCount: UInt64(bytes.count))
            if takesSHA256 { bytes.withUnsafeBytes { hash.update($0) } }
            offset += UInt64(bytes.count)
        }
        self.init(
            name: name, size: offset, checksums: checksums.all, sha256: takesSHA256 ? hash.digest : nil)
    }

    fileprivate var json: JSON {
        var members: [(String, JSON)] = [
            ("name", .string(name)), ("size", .int(size)), ("chunk_bytes", .int(ShardOutput.chunkBytes)),
            ("crc32c", .array(checksums.map { .string($0.hexadecimal) })),
        ]
        if let sha256 { members.append(("sha256", .string(sha256.hexadecimal))) }
        return .object(JSONObject(members))
    }
}
