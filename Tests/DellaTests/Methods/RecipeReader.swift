import Yams

@testable import MergeReference

extension Recipe {
    /// Reads a fixture's config: `models:` alone, whose names are looked up in `names`.
    init(reading text: String, names: [String]) throws {
        let top = try Yams.load(yaml: text) as? [String: Any] ?? [:]
        func model(_ value: Any?) -> Int? { (value as? String).flatMap { names.firstIndex(of: $0) } }
        let sources = (top["models"] as? [[String: Any]] ?? []).map { entry in
            Source(model: model(entry["model"])!, parameters: Self.parameters(entry["parameters"]))
        }
        self.init(
            method: top["merge_method"] as? String ?? "", base: model(top["base_model"]),
            layout: .models(sources),
            parameters: Self.parameters(top["parameters"]), dtype: Self.type(top["dtype"]),
            outType: Self.type(top["out_dtype"]))
    }

    private static func type(_ value: Any?) -> StoredType? {
        StoredType.formats.first { $0.configName == value as? String }
    }

    private static func parameters(_ value: Any?) -> Parameters {
        (value as? [String: Any] ?? [:]).mapValues { setting in
            if let conditions = setting as? [[String: Any]] {
                return conditions.map { condition in
                    Condition(filter: condition["filter"] as? String, values: values(condition["value"]))
                }
            }
            return [Condition(values: values(setting))]
        }
    }

    private static func values(_ value: Any?) -> [Double] {
        if let list = value as? [Any] { return list.flatMap { values($0) } }
        if let flag = value as? Bool { return [flag ? 1 : 0] }
        return [(value as? Double) ?? (value as? Int).map { Double($0) } ?? .nan]
    }
}
