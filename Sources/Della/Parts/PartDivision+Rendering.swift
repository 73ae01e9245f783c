import StreamIO

extension PartDivision {
    /// Parts that a table shows one by one.
    private static let shownLimit = 64

    /// The parts for people: several lines, the last one ended.
    ///
    /// - Parameter plan: what was divided.
    public func text(of plan: MergePlan) -> String {
        let files = plan.shards.count
        // A tensor is in one file.
        let remedy =
            plan.shards.contains { $0.tensors.count > 1 }
            ? "for more, make smaller files with --shard-size" : "each file has one tensor: no more can be"
        var lines = [
            "parts     \(shares.count), of \(files) \(files == 1 ? "file" : "files"): "
                + (usedCount < shares.count
                    ? "\(usedCount) can be used (\(remedy))"
                    : "at most \(files) can be used")
        ]
        lines.append(
            "          the longest moves \(PlanReport.size(longestBytes)) of \(PlanReport.size(bytes)): "
                + "\(Self.decimal(speed)) times as fast as one by one")
        for (index, share) in shares.enumerated().prefix(Self.shownLimit) {
            let count = share.shards.count
            lines.append(
                "          \(index)/\(shares.count)  \(PlanReport.size(share.bytes)), "
                    + (count == 0
                        ? "no file"
                        : "\(count) \(count == 1 ? "file" : "files"): \(Self.numbers(share.shards))"))
        }
        if shares.count > Self.shownLimit {
            lines.append("          and \(shares.count - Self.shownLimit) more")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// How many times as fast all parts at once are as one process, where disks do not become slower.
    public var speed: Double { longestBytes == 0 ? 1 : Double(bytes) / Double(longestBytes) }

    /// The parts for programs.
    public var json: JSON {
        let parts = shares.enumerated().map { index, share in
            JSON.object(
                JSONObject([
                    ("part", .int(index)), ("bytes", .int(share.bytes)),
                    ("shards", .array(share.shards.map { .int($0) })),
                ]))
        }
        return .object(
            JSONObject([
                ("count", .int(shares.count)), ("used", .int(usedCount)), ("speed", .double(speed)),
                ("parts", .array(parts)),
            ]))
    }

    /// `1, 3 to 5`: counted from 1, as the files' names do.
    private static func numbers(_ shards: [Int]) -> String {
        var texts: [String] = []
        var rest = shards[...]
        while let first = rest.popFirst() {
            var last = first
            while rest.first == last + 1 { last = rest.removeFirst() }
            texts.append(
                last == first
                    ? "\(first + 1)" : "\(first + 1) \(last == first + 1 ? "and" : "to") \(last + 1)")
            if texts.count == 8, !rest.isEmpty {
                texts.append("and more")
                break
            }
        }
        return texts.joined(separator: ", ")
    }

    private static func decimal(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}

extension PlanReport {
    /// The report for programs, with the parts that the plan was divided into; without, `parts` is null.
    public func json(with division: PartDivision?) -> JSON {
        guard case .object(let members) = json else { return json }
        return .object(
            JSONObject(members.members.map { ($0.key, $0.value) } + [("parts", division?.json ?? .null)]))
    }
}
