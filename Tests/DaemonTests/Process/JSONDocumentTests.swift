import Della
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// That docs/json.md says what is printed: every key and what it may hold, and no other.
@Suite struct JSONDocumentTests {
    /// What a section says of the keys, by their paths.
    private func documented(_ heading: String) throws -> [String: String] {
        let text = Repository.root.appending("docs").appending("json.md").text
        let section = try #require(
            text.split(separator: "\n## ").first { $0.hasPrefix(heading + "\n") }, "\(heading)")
        var values: [String: String] = [:]
        for line in section.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.split(separator: " ").joined(separator: " ") }
            values[cells[0].replacing("`", with: "")] = cells[1]
        }
        return values
    }

    /// The kinds of value that a document has, by path.
    private func kinds(_ json: JSON, at path: String = "", into kinds: inout [String: Set<String>]) {
        func note(_ kind: String) { if !path.isEmpty { kinds[path, default: []].insert(kind) } }
        if json == .null { return note("null") }
        if let object = json.objectValue {
            note("object")
            for member in object.members {
                self.kinds(
                    member.value, at: path.isEmpty ? member.key : "\(path).\(member.key)", into: &kinds)
            }
        } else if let list = json.arrayValue {
            note("list")
            for value in list where value.objectValue != nil {
                self.kinds(value, at: path + "[]", into: &kinds)
            }
            kinds["\(path)[]"] = nil
        } else if json.stringValue != nil {
            note("text")
        } else {
            note(json == .bool(true) || json == .bool(false) ? "true or false" : "number")
        }
    }

    private func compare(_ samples: [JSON], _ heading: String, beside other: [String: String] = [:])
        throws
    {
        let documented = try documented(heading)
        let all = documented.merging(other) { own, _ in own }
        var found: [String: Set<String>] = [:]
        for sample in samples { kinds(sample, into: &found) }
        for (path, kinds) in found where !path.hasSuffix("[]") {
            let other = path.split(separator: ".").dropLast().joined(separator: ".") + ".PARAMETER"
            guard let value = all[path] ?? all[other] else {
                Issue.record("docs/json.md has no \(path) below \(heading)")
                continue
            }
            let allowed =
                value.hasSuffix(" or null") ? [String(value.dropLast(" or null".count)), "null"] : [value]
            #expect(kinds.isSubset(of: allowed), "\(path)")
        }
        for path in documented.keys where !path.hasSuffix(".PARAMETER") {
            #expect(found[path] != nil, "docs/json.md has \(path) below \(heading), and nothing else has")
        }
    }

    @Test func statusIsAsDocumented() throws {
        var status = JobStatus(job: try #require(JobName("a")), state: .failed, output: "/o")
        let empty = status
        status.progress.tensorsAudited = 1
        status.progress.stage = MergeProgress.Stage(name: "first", number: 1, count: 2)
        (status.etaSeconds, status.error) = (1, "e")
        (status.queuedAt, status.startedAt, status.finishedAt) =
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
        status.warnings = ["w"]
        var model = FetchStatus(try #require(HubModel("o/m")))
        status.fetching = [model]
        (model.bytesTotal, model.error) = (1, "e")
        status.fetching.append(model)
        let heading = "`dellad status NAME --json`"
        try compare([empty.json, status.json], heading)
        let views = [
            SpoolView(isServed: false, entries: [SpoolView.Entry(folder: .failed, status: status)]),
            SpoolView(
                isServed: true, process: 7, entries: [SpoolView.Entry(folder: .done, status: empty)],
                leftAlone: ["my merge.yml"]),
        ]
        let ofJobs = try documented(heading).map { ("jobs[]." + $0.key, $0.value) }
        try compare(
            views.map(\.json), "`dellad status --json`", beside: Dictionary(uniqueKeysWithValues: ofJobs))
    }

    @Test func checkIsAsDocumented() throws {
        let rig = try MergeRig(vocabulary: 40_000)
        func check(_ arguments: String...) throws -> JSON {
            let all = ["check", rig.config.string, "--models", rig.models.string, "--json"] + arguments
            let result = try Executable.run(all, in: rig.folder)
            return try JSON(parsing: Array(result.output.utf8))
        }
        var samples = [
            try check("--memory", "4M", "--threads", "1"), try check("--memory", "8K", "--parts", "2"),
        ]
        #expect(samples[1]["memory_problem"]?.stringValue != nil)
        let vocabulary = (0..<40_000).map { "\"t\($0)\":\($0)" }.joined(separator: ",")
        for model in ["base", "tuned"] {
            try (rig.models / model / "tokenizer.json").rewrite(
                "{\"version\":\"1.0\",\"added_tokens\":[],\"model\":{\"type\":\"BPE\",\"vocab\":{\(vocabulary)},\"merges\":[]}}"
            )
        }
        try rig.config.rewrite(rig.config.text + "tokenizer_source: union\n")
        samples.append(try check("--memory", "64M"))
        #expect(
            samples[2]["vocabulary"]?["rows"]?.intValue == 40_000,
            "\(samples[2].serialized().prefix(300))")
        #expect(samples[0]["read_again"]?.arrayValue?.isEmpty == false)
        let recipe =
            "name: first\n" + rig.config.text + "---\n"
            + rig.config.text.replacing("tuned", with: "first")
        try rig.config.rewrite(recipe)
        samples.append(try check("--memory", "64M"))
        #expect(samples[3]["stages"]?.arrayValue?.count == 1)
        try compare(samples, "`dellad check --json`")

        try rig.config.rewrite("merge_method: dela\nmodels: [{model: Org/gone}]\n")
        var problems = [try check()]
        try rig.config.rewrite(
            "merge_method: linear\nmodels:\n- model: Org/gone\nparameters:\nweight: 1\n")
        problems.append(try check())
        try compare(problems, "`dellad check --json` of a config with problems")
    }

    @Test func inspectIsAsDocumented() throws {
        let rig = try MergeRig()
        try FileSystem.createFolder(rig.models / "bare")
        try FileSystem.copy(
            OpenFile.forReading(rig.models / "base" / "model.safetensors", direct: false),
            to: rig.models / "bare" / "model.safetensors")
        let config = rig.models / "tuned" / "config.json"
        try config.rewrite(
            config.text.replacing(
                "{\n",
                with: "{\n\"num_local_experts\": 8, \"quantization_config\": {\"quant_method\": \"fp8\"},\n",
                maxReplacements: 1))
        try (rig.models / "tuned" / "tokenizer_config.json").rewrite(
            "{\"bos_token\": \"<s>\", \"pad_token\": {\"content\": \"<pad>\"}}")
        try (rig.models / "tuned" / "tokenizer.json").rewrite(
            "{\"added_tokens\":[],\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}")
        try (rig.models / "tuned" / "README.md").rewrite("---\nlicense: mit\nbase_model: a/b\n---\n")
        let samples = try [["base", "tuned", "bare"], ["tuned", "absent"], ["bare"]].map { names in
            let all = ["inspect"] + names + ["--models", rig.models.string, "--json"]
            return try JSON(parsing: Array(Executable.run(all, in: rig.folder).output.utf8))
        }
        var adapted = samples[0]
        if case .object(var object) = adapted, case .object(var model)? = object["models"]?.arrayValue?.first
        {
            model["adapter"] = .string("added to 1 tensor, rank 8")
            object["models"] = .array([.object(model)])
            object["obstacles"] = samples[1]["problems"]
            adapted = .object(object)
        }
        try compare(samples + [adapted], "`dellad inspect --json`")
    }

    /// A report of three tensors, the second with all that may be null.
    private func report(method: String?) throws -> JSON {
        let merge = ReportedMerge(
            title: "t", method: method, reference: "a", models: ["a", "b", "c"], config: "", version: "1")
        var full = TensorStatistics()
        (full.elements, full.referenceSquares, full.conflicts) = (10, 4, 3)
        full.inputs = (1...2).map { TensorStatistics.Input(model: $0) }
        for place in full.inputs.indices {
            full.inputs[place].squares = 1
            full.inputs[place].kept = 5
            full.inputs[place].factor = 1.5
        }
        full.products = [0.5]
        full.outputNaNs = 1
        var empty = full
        (empty.referenceSquares, empty.changeSquares, empty.conflicts) = (.nan, .infinity, nil)
        for place in empty.inputs.indices { empty.inputs[place] = .init(model: place + 1) }
        empty.inputs[0].squares = .nan
        empty.inputs[1].magnitudes = .infinity
        empty.outputPeak = .nan
        let tensors = [
            ("model.layers.0.mlp.experts.1.up_proj.weight", full), ("lm_head.weight", empty),
            ("model.norm.weight", TensorStatistics()),
        ]
        var writer = ReportJSONWriter(merge)
        var report = MergeReport(merge)
        var text = writer.header
        for (name, statistics) in tensors {
            let parameters = statistics.inputs.map { input in
                [ReportedTensor.Parameter(name: "weight", value: input.model == 1 ? 0.5 : .nan)]
            }
            let tensor = ReportedTensor(
                name: name, shape: [2, 5], statistics: statistics, parameters: parameters)
            report.add(tensor)
            text += writer.piece(tensor)
        }
        return try JSON(parsing: Array((text + writer.end(report)).utf8))
    }

    @Test func reportIsAsDocumented() throws {
        let (merged, compared) = (try report(method: "ties"), try report(method: nil))
        #expect(merged["findings"]?.arrayValue?.isEmpty == false)
        try compare([merged, compared], "`report.json`")
    }
}
