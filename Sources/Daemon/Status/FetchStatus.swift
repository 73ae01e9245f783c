import Della
import StreamIO

/// How far a model is that a job waits for.
struct FetchStatus: Hashable, Sendable {
    /// `ORG/NAME`, with `@REVISION` where the config has one.
    var model: String
    /// What is done for it: `asked` before a fetcher has answered, then its own words.
    var state = "asked"
    var bytesDone: UInt64 = 0
    /// `nil` until the files are listed.
    var bytesTotal: UInt64?
    /// Why it has to be tried again, or nothing happens: what is wrong (what to do).
    var error: String?

    init(_ model: HubModel) { self.model = model.description }

    /// The model, with what is said of it.
    init(_ model: HubModel, _ answer: FetchAnswer?, isUnanswered: Bool) {
        self.init(model)
        if isUnanswered {
            error =
                "no fetcher has answered (enable dellad-fetch.path, or start dellad fetch --watch beside a daemon that was started by hand)"
        }
        guard let answer else { return }
        (state, error) = (answer.state.rawValue, answer.error)
        (bytesDone, bytesTotal) = (answer.bytesDone, answer.bytesTotal)
    }

    var json: JSON {
        .object(
            JSONObject([
                ("model", .string(model)), ("state", .string(state)), ("bytes_done", .int(bytesDone)),
                ("bytes_total", bytesTotal.map { .int($0) } ?? .null),
                ("error", error.map { .string(String($0.prefix(2000))) } ?? .null),
            ]))
    }

    init?(_ json: JSON) {
        guard let model = json["model"]?.stringValue.flatMap({ HubModel($0) }) else { return nil }
        self.init(model)
        func count(_ key: String) -> UInt64? {
            json[key]?.intValue.flatMap { (0...(1 << 60)).contains($0) ? UInt64($0) : nil }
        }
        state = json["state"]?.stringValue ?? state
        bytesDone = count("bytes_done") ?? 0
        bytesTotal = count("bytes_total")
        error = json["error"]?.stringValue
    }

    /// `1.2 GB of 15 GB`.
    var figures: String {
        let done = Figure.bytes(bytesDone)
        return bytesTotal.map { "\(done) of \(Figure.bytes($0))" } ?? done
    }
}
