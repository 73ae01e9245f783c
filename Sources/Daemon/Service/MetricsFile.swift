import Glibc
import StreamIO
import SystemPackage

/// `metrics.prom` in the runtime folder, for node_exporter's textfile collector: replaced whole, so that no
/// reader sees half of it, and readable for everybody.
struct MetricsFile: Sendable {
    /// How often it is written though nothing has ended.
    static let interval = Duration.seconds(5)

    let path: FilePath

    /// In the first folder of the service manager's `RUNTIME_DIRECTORY`; `nil` where it made none.
    init?(environment: [String: String]) {
        guard let folder = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first else { return nil }
        path = FilePath(String(folder)).appending("metrics.prom")
    }

    func write(_ metrics: ServiceMetrics) throws(IOError) {
        // The temporary name must not end in .prom: the collector reads all that do.
        let temporary = path.removingLastComponent().appending(".metrics.new")
        try FileSystem.remove(temporary)
        try FileSystem.writeWhole(Array(metrics.text.utf8), to: temporary, sync: false)
        // The umask of the service is for models. node_exporter is in no group of ours.
        guard temporary.withPlatformString({ chmod($0, 0o644) }) == 0 else {
            throw IOError("chmod", temporary, Errno(rawValue: errno))
        }
        try FileSystem.rename(temporary, to: path, replacing: true)
    }
}
