import StreamIO
import SystemPackage

/// The report of a merge, made of the figures that were taken while its rows passed.
struct ReportFiles {
    let plan: MergePlan
    let places: PartialFolder
    /// Told why there is no report.
    let remark: @Sendable (String) -> Void

    /// Where figures go: behind what earlier runs took. `nil` where an earlier run took none, or they are
    /// gone.
    func openLog(at point: ResumePoint) throws(IOError) -> StatisticsLog? {
        if point.isStart { return try StatisticsLog.create(places.statistics) }
        guard let byteCount = point.statistics else {
            remark("no report is made: an earlier run of this merge took no figures for one")
            return nil
        }
        if let log = try StatisticsLog.open(places.statistics, byteCount: byteCount) { return log }
        remark(
            byteCount > StatisticsLog.sizeLimit
                ? Self.tooLarge : "no report is made: the figures that were taken for it are lost or damaged")
        return nil
    }

    /// Makes the report, and writes its figures into the folder; `nil` where they are not whole.
    ///
    /// - Parameter next: called before each tensor; what it throws is thrown.
    func make(from log: StatisticsLog, next: () throws -> Void) throws -> MergeReport? {
        guard !log.isCut else {
            remark(Self.tooLarge)
            return nil
        }
        var report = MergeReport(plan.reportedMerge(named: places.output))
        var figures = ReportJSONWriter(report.merge)
        let path = places.path.appending(MergeReport.figuresName)
        if try FileSystem.status(path, followLinks: false) != nil { try FileSystem.remove(path) }
        let file = try OpenFile.creating(path, direct: false)
        var text = figures.header
        let end = TensorPlace(shard: plan.shards.count, index: 0)
        var place = plan.next(after: TensorPlace(shard: 0, index: -1)) ?? end
        func add(_ statistics: TensorStatistics?) throws {
            try next()
            let tensor = plan.reported(place, statistics)
            report.add(tensor)
            text += figures.piece(tensor)
            place = plan.next(after: place) ?? end
            guard text.utf8.count >= Self.pieceBytes else { return }
            try file.append(Array(text.utf8))
            text = ""
        }
        let isWhole = try log.forEach { record in
            // Integers have none.
            while place < record.place, place < end { try add(nil) }
            if place == record.place, place < end { try add(record.statistics) }
        }
        guard isWhole else {
            remark("no report is made: the figures taken for it are damaged")
            try FileSystem.remove(path)
            return nil
        }
        while place < end { try add(nil) }
        try file.append(Array((text + figures.end(report)).utf8))
        try file.sync()
        return report
    }

    private static let tooLarge =
        "no report is made: its figures would take more than \(StatisticsLog.sizeLimit >> 20) MiB"

    /// Text that is written at a time, in bytes.
    private static let pieceBytes = 1 << 20
}

extension MergePlan {
    /// What a report says of the whole merge.
    func reportedMerge(named output: FilePath) -> ReportedMerge {
        let reference = base ?? 0
        return ReportedMerge(
            title: output.lastComponent?.string ?? "", method: method.name,
            reference: modelNames.indices.contains(reference) ? modelNames[reference] : "",
            models: modelNames, config: publicConfig, version: Version.current)
    }

    /// The config without local paths, as the card shows it.
    private var publicConfig: String {
        for companion in companions where companion.name == ModelCard.fileName {
            if case .text(let text) = companion.content { return ModelCard.config(shownBy: text) }
        }
        return ""
    }

    /// A tensor with what was measured of it; `nil` of integers, which are copied.
    func reported(_ place: TensorPlace, _ statistics: TensorStatistics?) -> ReportedTensor {
        let tensor = shards[place.shard].tensors[place.index]
        var figures = TensorStatistics()
        figures.elements = UInt64(tensor.elementCount)
        var parameters: [[ReportedTensor.Parameter]] = []
        if let statistics { figures = statistics }
        if let statistics, let merge = tensor.arithmetic {
            parameters = statistics.inputs.map { input in
                guard let index = merge.inputs.firstIndex(where: { $0.model == input.model }) else {
                    return []
                }
                return (merge.rule.values(ofInput: index) + merge.rule.numbers).compactMap { value in
                    value.value.map { ReportedTensor.Parameter(name: value.name, value: $0) }
                }
            }
        }
        return ReportedTensor(
            name: tensor.name, shape: tensor.shape, statistics: figures, parameters: parameters)
    }

    /// The place after another; `nil` after the last.
    func next(after place: TensorPlace) -> TensorPlace? {
        if place.index + 1 < shards[place.shard].tensors.count {
            return TensorPlace(shard: place.shard, index: place.index + 1)
        }
        let shard = shards.indices.dropFirst(place.shard + 1).first { !shards[$0].tensors.isEmpty }
        return shard.map { TensorPlace(shard: $0, index: 0) }
    }
}

extension MergeReport {
    /// The page, for people.
    static let pageName = "report.html"
    /// Every figure, for programs.
    static let figuresName = "report.json"
    /// The picture that the model card shows.
    static let pictureName = "report.svg"
}
