@testable import Daemon

/// What a daemon did at one go, and what was there before and after.
struct SpoolStep {
    enum Kind: String {
        case settle, start, end, recover, clear
    }

    /// The job that is merging.
    struct Running: Equatable {
        var job: String
        /// Its config as it was read.
        var content: String

        init(_ run: JobRun) {
            job = run.name.text
            content = "\(run.config.count):\(String(decoding: run.config, as: UTF8.self))"
        }
    }

    var kind: Kind
    var before: SpoolSight
    var after: SpoolSight
    /// Steps of the disk that came through.
    var steps: [String]
    /// Whether one did not.
    var isDisturbed: Bool
    /// Before it and after it.
    var running: (Running?, Running?)
    var outcome: JobOutcome?
    /// Jobs that the daemon counted meanwhile: done, and ended otherwise.
    var counted: (done: Int, other: Int)

    /// A config of the spool.
    struct Config {
        var area: String
        var name: String
        var job: String
        var item: SpoolSight.Item
        /// Where it is after the step; `nil` where it is no more.
        var place: (area: String, name: String)?

        var hasMoved: Bool { place.map { $0.area != area || $0.name != name } ?? true }
    }

    static let areas = ["incoming", "active", "failed", "done"]

    /// Each config that was there before, with its place after.
    var configs: [Config] {
        var free = Self.configs(of: after)
        var found: [Config] = []
        // Those that have not moved first: one file may have several names.
        var moved: [Config] = []
        for (area, name, job, item) in Self.configs(of: before) {
            var config = Config(area: area, name: name, job: job, item: item)
            if let index = free.firstIndex(where: {
                $0.area == area && $0.name == name && $0.item.isSame(as: item)
            }) {
                config.place = (area, name)
                free.remove(at: index)
                found.append(config)
            } else {
                moved.append(config)
            }
        }
        for var config in moved {
            if let index = free.firstIndex(where: { $0.job == config.job && $0.item.isSame(as: config.item) })
            {
                config.place = (free[index].area, free[index].name)
                free.remove(at: index)
            }
            found.append(config)
        }
        return found
    }

    typealias Found = (area: String, name: String, job: String, item: SpoolSight.Item)

    static func configs(of sight: SpoolSight) -> [Found] {
        areas.flatMap { area in
            sight[area].sorted { $0.key < $1.key }.compactMap { name, item in
                SpoolName.config(name, in: area).map { (area, name, $0, item) }
            }
        }
    }
}
