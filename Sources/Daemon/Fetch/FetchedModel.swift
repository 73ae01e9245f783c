import Della
import StreamIO
import SystemPackage

/// What is noted in a fetched model's folder: that dellad fetched it, and so may clear it away.
struct FetchedModel: Hashable, Sendable {
    static let fileName = ".dellad-fetched.json"
    private static let sizeLimit = 64 << 10

    var model: String
    var revision: String?
    var commit: String?
    /// Of its files.
    var bytes: UInt64
    /// RFC 3339.
    var fetched: String

    /// Writes it, synced.
    func write(in folder: FilePath) throws(IOError) {
        func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
        let json = JSON.object(
            JSONObject([
                ("schema", .int(1)), ("model", .string(model)), ("revision", optional(revision)),
                ("commit", optional(commit)), ("bytes", .int(bytes)), ("fetched_at", .string(fetched)),
            ]))
        try FileSystem.replaceAtomically(
            folder.appending(Self.fileName), with: Array((json.serialized(indentedBy: 2) + "\n").utf8))
    }

    init(model: HubModel, commit: String?, bytes: UInt64, fetched: Timestamp) {
        (self.model, revision, self.commit) = (model.name, model.revision, commit)
        (self.bytes, self.fetched) = (bytes, fetched.description)
    }

    /// Reads it; `nil` where dellad has not fetched what is there.
    init?(in folder: FilePath) {
        guard
            let text = try? FileSystem.readWhole(
                folder.appending(Self.fileName), limit: Self.sizeLimit, followLinks: false),
            let json = try? JSON(parsing: text), let model = json["model"]?.stringValue,
            let bytes = json["bytes"]?.intValue, bytes >= 0
        else { return nil }
        (self.model, self.bytes) = (model, UInt64(bytes))
        revision = json["revision"]?.stringValue
        commit = json["commit"]?.stringValue
        fetched = json["fetched_at"]?.stringValue ?? ""
    }
}
