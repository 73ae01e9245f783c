/// The rate of something that grows, over the last ten seconds.
struct RateMeter {
    private static let window = Duration.seconds(10)
    /// More samples than fit the window at one a second.
    private static let sampleLimit = 64

    private var samples: [(time: ContinuousClock.Instant, amount: UInt64)] = []

    /// Takes note of the amount at a time not before the last one.
    mutating func add(_ amount: UInt64, at time: ContinuousClock.Instant) {
        samples.append((time, amount))
        while samples.count > 2, time - samples[0].time > Self.window || samples.count > Self.sampleLimit {
            samples.removeFirst()
        }
    }

    /// Per second; 0 until there are two samples.
    var rate: Double {
        guard let first = samples.first, let last = samples.last, last.amount > first.amount else { return 0 }
        let seconds = (last.time - first.time) / .seconds(1)
        return seconds > 0 ? Double(last.amount - first.amount) / seconds : 0
    }

    /// Seconds until `total` at this rate; `nil` where nothing moves.
    func remaining(of total: UInt64) -> Double? {
        guard rate > 0, let last = samples.last else { return nil }
        return total > last.amount ? Double(total - last.amount) / rate : 0
    }
}
