import StreamIO

extension ModelInspection {
    /// A row a fact, a column a model, for a terminal of so many columns; models that do not fit come below.
    public func text(width: Int) -> String {
        let tables = Self.tables(models, width: width)
        var lines = tables.joined(separator: [""]).map { $0 }
        func add(_ label: String, _ texts: [String]) {
            guard !texts.isEmpty else { return }
            if !lines.isEmpty { lines.append("") }
            lines += texts.enumerated().map {
                TextBar.padded($0.offset == 0 ? label : "", Self.labelWidth) + $0.element
            }
        }
        if models.count > 1, unopened.isEmpty {
            add(
                "merge",
                obstacles.isEmpty
                    ? ["nothing keeps these models from being merged"] : obstacles.map(Self.sentence))
        }
        add("remarks", remarks)
        return lines.map(\.printable).joined(separator: "\n") + (lines.isEmpty ? "" : "\n")
    }

    /// What is wrong (what to do).
    static func sentence(_ problem: Problem) -> String {
        problem.remedy.isEmpty ? problem.message : "\(problem.message) (\(problem.remedy))"
    }

    private static let labelWidth = 16
    private static let columnWidth = 24

    private static func tables(_ models: [ModelFacts], width: Int) -> [[String]] {
        // One model has the whole width: its texts are cut nowhere.
        let fitting = models.count == 1 ? 1 : max(1, (width - labelWidth) / (columnWidth + 2))
        return stride(from: 0, to: models.count, by: fitting).map { first in
            let shown = models[first..<min(first + fitting, models.count)]
            let column = shown.count == 1 ? Int.max : max(columnWidth, (width - labelWidth) / shown.count - 2)
            let rows = shown.map(\.rows)
            return (rows.first ?? []).indices.compactMap { row in
                let cells = rows.map(\.[row].value)
                guard cells.contains(where: { $0 != nil }) else { return nil }
                var line = TextBar.padded(rows[0][row].label, labelWidth)
                for cell in cells {
                    let text = cell ?? "-"
                    line +=
                        column == .max ? text : TextBar.padded(ReportText.short(text, column), column) + "  "
                }
                while line.last == " " { line.removeLast() }
                return line
            }
        }
    }

    // MARK: JSON

    /// The same for programs; docs/json.md describes it.
    public var json: JSON {
        func list(_ problems: [Problem]) -> JSON {
            .array(
                problems.map {
                    .object(
                        JSONObject([
                            ("message", .string($0.message)), ("remedy", .string($0.remedy)),
                            ("kind", .string($0.kind == .missingInput ? "missing_input" : "data")),
                        ]))
                })
        }
        return .object(
            JSONObject([
                ("schema", .int(1)), ("models", .array(models.map(\.json))), ("problems", list(unopened)),
                ("obstacles", list(obstacles)), ("remarks", .array(remarks.map { .string($0) })),
            ]))
    }
}

extension ModelFacts {
    /// Each fact as a person reads it; the same labels of every model.
    fileprivate var rows: [(label: String, value: String?)] {
        let types = self.types.prefix(3).map { share in
            self.types.count == 1
                ? share.type
                : "\(share.type) \(ReportText.share(share.elements, of: self.types.reduce(0) { $0 + $1.elements }))"
        }
        return [
            ("model", name), ("folder", folder),
            ("architecture", architecture.map { $0 + (className.map { ", \($0)" } ?? "") } ?? className),
            ("parameters", ReportText.count(parameters)),
            ("layers", layers.map { "\($0)" }),
            ("width", hiddenSize.map { "\($0)" + (heads.map { ", \($0) heads" } ?? "") + keys }),
            ("experts", experts.map { "\($0) a layer" }),
            ("context", context.map { "\($0) tokens" }),
            ("types", types.isEmpty ? nil : ReportText.list(types)),
            (
                "size",
                "\(PlanReport.size(bytes)) in \(ReportText.counted(files, "file"))"
                    + (format == "bin" ? " (.bin)" : "")
            ),
            ("tensors", ReportText.count(UInt64(tensors))),
            ("vocabulary", vocabulary), ("special tokens", specialTokens.isEmpty ? nil : specialText),
            ("head", headText), ("quantised", quantization ?? "no"), ("licence", licence),
            ("made from", madeFrom.isEmpty ? nil : ReportText.list(madeFrom)), ("adapter", adapter),
        ]
    }

    private var keys: String {
        guard let keyHeads, keyHeads != heads else { return "" }
        return " (\(keyHeads) KV)"
    }

    private var vocabulary: String? {
        let rows = embeddingRows.map { "\(ReportText.count(UInt64($0))) rows" }
        let known = tokens.map { "\(ReportText.count(UInt64($0))) tokens" }
        let texts = [rows, known].compactMap(\.self)
        return texts.isEmpty ? nil : texts.joined(separator: ", ")
    }

    private var specialText: String {
        specialTokens.map { token in
            let ids = token.ids.prefix(4).map { "\($0)" }.joined(separator: " ")
            let what = [token.text, ids.isEmpty ? nil : ids].compactMap(\.self)
            return "\(token.role) \(what.joined(separator: " = "))"
        }.joined(separator: ", ")
    }

    private var headText: String {
        switch head {
        case .tied: "tied to the embedding"
        case .own: "of its own"
        case .none: "none"
        }
    }

    fileprivate var json: JSON {
        func number(_ value: Int?) -> JSON { value.map { .int($0) } ?? .null }
        func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
        let tokens = specialTokens.map { token in
            JSON.object(
                JSONObject([
                    ("role", .string(token.role)), ("text", text(token.text)),
                    ("ids", .array(token.ids.map { .int($0) })),
                ]))
        }
        let types = types.map { share in
            JSON.object(JSONObject([("type", .string(share.type)), ("elements", .int(share.elements))]))
        }
        return .object(
            JSONObject([
                ("name", .string(name)), ("path", .string(folder)), ("format", .string(format)),
                ("files", .int(files)), ("bytes", .int(bytes)), ("tensors", .int(tensors)),
                ("architecture", text(architecture)), ("class", text(className)),
                ("parameters", .int(parameters)), ("types", .array(types)), ("layers", number(layers)),
                ("hidden_size", number(hiddenSize)), ("heads", number(heads)),
                ("key_value_heads", number(keyHeads)), ("experts", number(experts)),
                ("context", number(context)), ("embedding_rows", number(embeddingRows)),
                ("tokens", number(self.tokens)), ("special_tokens", .array(tokens)),
                ("head", .string(head.rawValue)), ("quantization", text(quantization)),
                ("licence", text(licence)), ("made_from", .array(madeFrom.map { .string($0) })),
                ("adapter", text(adapter)),
            ]))
    }
}
