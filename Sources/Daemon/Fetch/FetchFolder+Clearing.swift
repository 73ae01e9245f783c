import Logging
import StreamIO
import SystemPackage

/// The daemon may not write among models. What it knows of their use it leaves for the fetcher: `clear.request`.
extension FetchFolder {
    private var clearing: FilePath { path.appending("clear.request") }

    /// Folders that are told of at once, at most.
    static let usedLimit = 1000

    /// Asks for fetched models that nobody has used for long to be cleared.
    ///
    /// - Parameter used: folders of models, and when they were used last, in seconds since the epoch.
    func askForClearing(used: [FilePath: Int64]) throws(IOError) {
        let list = used.sorted { $0.value > $1.value }.prefix(Self.usedLimit).map { folder, time in
            JSON.object(JSONObject([("folder", .string(folder.string)), ("used", .int(Int(time)))]))
        }
        let json = JSON.object(JSONObject([("schema", .int(1)), ("used", .array(list))]))
        try FileSystem.replaceAtomically(clearing, with: Array((json.serialized() + "\n").utf8), sync: false)
    }

    /// Does what was asked for, if anything was.
    func takeClearing(_ means: FetchMeans, _ log: Logger) {
        guard let bytes = try? FileSystem.readWhole(clearing, limit: 8 << 20, followLinks: false) else {
            return
        }
        defer { try? FileSystem.remove(clearing) }
        for entry in (try? JSON(parsing: bytes))?["used"]?.arrayValue ?? [] {
            guard let folder = entry["folder"]?.stringValue.map({ FilePath($0) }),
                let time = entry["used"]?.intValue, (0...Int(Int64.max / WallTime.second) - 1).contains(time),
                folder.starts(with: means.store.root)
            else { continue }
            means.store.use([folder], at: Int64(time) * WallTime.second)
        }
        guard let keep = means.keep else { return }
        let now = Timestamp.now.seconds
        let limit = WallTime.nanoseconds(seconds: now.subtractingSaturated(keep.seconds))
        do throws(IOError) {
            for model in try means.store.clear(before: limit, now: WallTime.nanoseconds(seconds: now)) {
                log.info(
                    "\(model.model.printable): cleared: not used for \(keep), \(Figure.bytes(model.bytes))")
            }
        } catch {
            log.warning("\(error) (fetched models are not cleared; free the cause)")
        }
    }
}
