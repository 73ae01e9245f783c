import StreamIO

extension PlanReport {
    /// The report as a person reads it, several lines, the last one ended.
    public var text: String {
        var lines: [String] = []
        for stage in stages {
            lines.append("stage     \(stage.name), line \(stage.line)\(stage.isKept ? ", kept" : "")")
            lines += stage.report.description + [""]
        }
        if !stages.isEmpty { lines.append("result") }
        lines += description
        lines.append(
            "disk      \(Self.size(bytesWritten)) needed"
                + (freeSpace.map { ", \(Self.size($0)) free" } ?? ""))
        if bytesWritten > ownBytesWritten {
            lines.append(
                "          \(Self.size(bytesWritten - ownBytesWritten)) of it by stages, until the end")
        }
        if let spaceMissing {
            lines.append("          not enough: free \(Self.size(spaceMissing)) more")
        }
        lines.append("to move   \(Self.size(bytesRead)) read, \(Self.size(bytesWritten)) written")
        if let seconds, let bytesPerSecond {
            lines.append(
                "time      about \(Self.duration(seconds)) at \(Self.size(UInt64(bytesPerSecond)))/s")
        }
        lines += allWarnings.enumerated().map {
            ($0.offset == 0 ? "warnings  " : "          ") + $0.element
        }
        return lines.map(\.printable).joined(separator: "\n") + "\n"
    }

    /// Of all stages, each once.
    private var allWarnings: [String] {
        var warnings: [String] = []
        for plan in stages.map(\.report.plan) + [plan] {
            for warning in plan.warnings where !warnings.contains(warning) { warnings.append(warning) }
        }
        return warnings
    }

    /// What is merged from what and how, a line each.
    private var description: [String] {
        var lines = ["method    \(plan.method.name), seed \(plan.seed)"]
        let folders = modelFolders
        let areTorch = areTorch
        for (index, name) in plan.modelNames.enumerated() {
            let isFirst = index == (plan.base == 0 ? 1 : 0)
            let label = index == plan.base ? "base      " : isFirst ? "models    " : "          "
            let format = index < areTorch.count && areTorch[index] ? " (pytorch_model.bin)" : ""
            let folder = index < folders.count ? "  \(folders[index] ?? "(a stage)")" : ""
            lines.append(label + name + folder + format)
        }
        lines += Self.lines("names     ", plan.modelNames, plan.namings)
        lines += Self.lines("adapters  ", plan.modelNames, plan.adapters)
        let tensorCount = plan.shards.reduce(0) { $0 + $1.tensors.count }
        lines.append(
            "output    \(tensorCount) \(tensorCount == 1 ? "tensor" : "tensors") in \(plan.shards.count) "
                + "\(plan.shards.count == 1 ? "file" : "files"), \(Self.size(ownBytesWritten)), \(typeNames)"
        )
        lines.append(settings)
        lines += vocabularyLines
        for chart in ParameterChart.charts(of: plan) {
            lines += ["", chart.model ?? "merge"]
            lines += chart.lines
        }
        lines += ["", "memory    \(ByteCount(memory))\(budgetProblem.map { ": \($0)" } ?? "")"]
        return lines + rereadLines
    }

    /// What is to be said of some models.
    private static func lines(_ label: String, _ names: [String], _ texts: [String?]) -> [String] {
        var lines: [String] = []
        for (name, text) in zip(names, texts) {
            guard let text else { continue }
            lines.append((lines.isEmpty ? label : "          ") + "\(name): \(text)")
        }
        return lines
    }

    /// The folder that each model was found in; `nil` for stages.
    private var modelFolders: [String?] {
        plan.folders.map { plan.stageFolders.contains($0) ? nil : $0.string }
    }

    /// Which of them hold `.bin` files instead of safetensors, in the same order.
    private var areTorch: [Bool] {
        let torch = plan.torchFolders
        return plan.folders.map(torch.contains)
    }

    /// The types of the output's tensors, the most frequent first.
    private var typeNames: String {
        var counts: [ElementType: Int] = [:]
        for tensor in plan.tensors { counts[tensor.type, default: 0] += 1 }
        return counts.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            .map(\.key.rawValue).joined(separator: ", ")
    }

    /// The type computed in and the merge's parameters, where all tensors have one value.
    private var settings: String {
        let all = plan.recipes.compactMap(\.merge)
        // What has no inputs is only converted, unless nothing has any.
        let computed = all.filter { !$0.inputs.isEmpty }
        let merges = computed.isEmpty ? all : computed
        var names = ["dtype"]
        var values: [String: Set<String>] = [:]
        func note(_ name: String, _ text: String) {
            if !names.contains(name) { names.append(name) }
            values[name, default: []].insert(text)
        }
        for merge in merges {
            note("dtype", merge.format.name)
            for word in merge.rule.words { note(word.name, word.value) }
            for number in merge.rule.numbers {
                note(number.name, number.value.map(ParameterRule.decimal) ?? "-")
            }
        }
        let texts = names.map { name in
            let found = (values[name] ?? []).sorted()
            return
                "\(name) \(found.isEmpty ? "-" : found.count > 4 ? "by layer" : found.joined(separator: " or "))"
        }
        return "merge     " + texts.joined(separator: ", ")
    }

    /// What is done with the rows of embeddings and heads, a line a model.
    private var vocabularyLines: [String] {
        guard let vocabulary = plan.vocabulary else { return [] }
        let added = vocabulary.addedTokens
        let more =
            added == 0 ? "" : ", \(added) \(added == 1 ? "token" : "tokens") added to the tokenizer"
        var lines = ["tokens    \(vocabulary.rows) rows\(more)"]
        for (name, model) in zip(plan.modelNames, vocabulary.models) {
            let parts = [
                ("kept", model.kept), ("added", model.added), ("averaged", model.averaged),
                ("zero", model.zero),
                ("padding", model.padding),
            ]
            let texts = parts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
            lines.append("          \(name)  " + texts.joined(separator: ", "))
        }
        return lines
    }

    private var vocabularyJSON: JSON {
        guard let vocabulary = plan.vocabulary else { return .null }
        let models = zip(plan.modelNames, vocabulary.models).map { name, model in
            Self.object([
                ("name", .string(name)), ("kept", .int(model.kept)), ("added", .int(model.added)),
                ("averaged", .int(model.averaged)), ("zero", .int(model.zero)),
                ("padding", .int(model.padding)),
            ])
        }
        return Self.object([
            ("rows", .int(vocabulary.rows)), ("added_tokens", .int(vocabulary.addedTokens)),
            ("models", .array(models)),
        ])
    }

    private var rereadLines: [String] {
        guard !rereads.isEmpty else {
            return budgetProblem == nil ? ["          every tensor is read once"] : []
        }
        let total = rereads.reduce(0) { $0 + $1.byteCount }
        let shown = rereads.prefix(8).map { "          \($0.tensor)  \(Self.size($0.byteCount))" }
        let more =
            rereads.count > shown.count ? ["          and \(rereads.count - shown.count) more"] : []
        return ["          read again in part, \(Self.size(total)) in all:"] + shown + more
    }

    /// `1.3 GB`: decimal, as disks and model hubs count.
    static func size(_ bytes: UInt64) -> String {
        var value = Double(bytes)
        for unit in ["bytes", "kB", "MB", "GB"] {
            if value < 999.5 {
                if unit == "bytes" { return "\(bytes) bytes" }
                return value < 99.95
                    ? "\((value * 10).rounded() / 10) \(unit)" : "\(Int(value.rounded())) \(unit)"
            }
            value /= 1000
        }
        return "\((value * 10).rounded() / 10) TB"
    }

    /// `45 s`, `12 min`, `3 h 5 min`.
    private static func duration(_ seconds: Double) -> String {
        guard seconds < 1e9 else { return "years" }
        if seconds < 90 { return "\(max(1, Int(seconds.rounded()))) s" }
        let minutes = Int((seconds / 60).rounded())
        return minutes < 90 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
    }

    // MARK: JSON

    /// The report for programs: bytes are bytes, times seconds; what is not known is null.
    public var json: JSON {
        let charts = ParameterChart.charts(of: plan)
        let folders = modelFolders
        let areTorch = areTorch
        let models = plan.modelNames.enumerated().map { index, name in
            Self.object([
                ("name", .string(name)),
                ("path", (index < folders.count ? folders[index] : nil).map { .string($0) } ?? .null),
                ("is_base", .bool(index == plan.base)),
                (
                    "naming",
                    (index < plan.namings.count ? plan.namings[index] : nil).map { .string($0) } ?? .null
                ),
                (
                    "adapter",
                    (index < plan.adapters.count ? plan.adapters[index] : nil).map { .string($0) } ?? .null
                ),
                (
                    "format",
                    index < areTorch.count ? .string(areTorch[index] ? "bin" : "safetensors") : .null
                ),
            ])
        }
        return Self.object([
            ("schema", .int(1)), ("method", .string(plan.method.name)),
            ("seed", .int(plan.seed)), ("models", .array(models)),
            ("tensors", .int(plan.shards.reduce(0) { $0 + $1.tensors.count })),
            ("shards", .array(plan.shards.map(Self.shard))),
            ("parameters", .array(charts.map(Self.chart))), ("vocabulary", vocabularyJSON),
            ("memory", .int(memory)), ("memory_problem", budgetProblem.map { .string($0) } ?? .null),
            (
                "read_again",
                .array(
                    rereads.map {
                        Self.object([("tensor", .string($0.tensor)), ("bytes", .int($0.byteCount))])
                    })
            ),
            ("bytes_read", .int(bytesRead)), ("bytes_written", .int(bytesWritten)),
            ("disk_needed", .int(bytesWritten)), ("disk_free", freeSpace.map { .int($0) } ?? .null),
            ("disk_missing", .int(spaceMissing ?? 0)),
            ("bytes_per_second", bytesPerSecond.map { .double($0) } ?? .null),
            ("seconds", seconds.map { .double($0) } ?? .null),
            ("stages", .array(stages.map(Self.stage))),
            ("warnings", .array(allWarnings.map { .string($0) })),
        ])
    }

    private static func stage(_ stage: Stage) -> JSON {
        object([
            ("name", .string(stage.name)), ("line", .int(stage.line)), ("kept", .bool(stage.isKept)),
            ("method", .string(stage.report.plan.method.name)),
            ("models", .array(stage.report.plan.modelNames.map { .string($0) })),
            ("tensors", .int(stage.report.plan.shards.reduce(0) { $0 + $1.tensors.count })),
            ("bytes_read", .int(stage.report.bytesRead)),
            ("bytes_written", .int(stage.report.bytesWritten)),
        ])
    }

    private static func object(_ members: [(String, JSON)]) -> JSON { .object(JSONObject(members)) }

    private static func shard(_ shard: OutputShard) -> JSON {
        object([
            ("file", .string(shard.fileName)), ("bytes", .int(shard.byteCount)),
            ("tensors", .int(shard.tensors.count)),
        ])
    }

    private static func chart(_ chart: ParameterChart) -> JSON {
        let rows = chart.rows.map { row -> JSON in
            let columns = zip(chart.columnNames, row.values).map {
                ($0, $1.map { JSON.double($0) } ?? .null)
            }
            let layers = row.layers.map { [JSON.int($0.lowerBound), .int($0.upperBound)] }
            return object(
                [
                    ("layers", layers.map { .array($0) } ?? .null),
                    ("tensors", .array(row.tensors.map { .string($0) })),
                ]
                    + columns)
        }
        return object([("model", chart.model.map { .string($0) } ?? .null), ("rows", .array(rows))])
    }
}
