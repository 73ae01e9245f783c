import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Parameters as mergekit 0.1.5 resolves them, for every tensor of every config.
///
/// `Resources/mergekit/expected` was written by `Tests/Scripts/resolve_with_mergekit.py` from the configs in
/// `rules`, `methods` and `cards`. The cards are configs of published models, written from their parameters; entries that
/// name a vocabulary union are left out of them, as that is refused here by name.
@Suite struct MergekitAgreementTests {
    static func names(_ folder: String) -> [String] {
        let entries =
            (try? FileSystem.entries(of: TestResources.folder.appending("mergekit").appending(folder))) ?? []
        return entries.map { "\(folder)/\($0)" }
    }

    @Test func thereAreEnoughConfigs() throws {
        #expect(Self.names("rules").count >= 18)
        #expect(Self.names("cards").count >= 27)
        // Two of each method that `rules` are not about.
        for method in MethodRules.names where !method.hasPrefix("della") {
            #expect(Self.names("methods").count { $0.hasPrefix("methods/\(method)-") } >= 2, "\(method)")
        }
    }

    @Test(arguments: names("rules") + names("methods") + names("cards"))
    func everyTensorsParametersAreMergekits(config: String) throws {
        let text = String(decoding: try TestResources.read("mergekit/\(config)"), as: UTF8.self)
        let models = try TinyModels()
        try models.makeModels(namedIn: text)
        // mergekit ignores lambda under a model.
        let plan = try models.plan(
            text.contains("dellad:") ? text : text + "\ndellad: {mergekit_compat: true}\n")

        let name = config.split(separator: "/")[1].dropLast(4)
        let expected = try JSON(parsing: TestResources.read("mergekit/expected/\(name).json"))
        let rows = try #require(expected["rows"]?.arrayValue).map { Row($0, method: plan.method) }
        let tensors = plan.shards.flatMap(\.tensors)
        #expect(Set(tensors.map(\.name)) == Set(expected["tensors"]?.objectValue?.keys ?? []))
        var mistakes: [String] = []
        for tensor in tensors {
            guard case .merge(let merge) = tensor.source,
                let row = expected["tensors"]?[tensor.name]?.intValue
            else {
                mistakes.append("\(tensor.name) is not merged")
                continue
            }
            let found = Row(merge, names: plan.modelNames)
            if found != rows[row] { mistakes.append("\(tensor.name): \(found), mergekit's \(rows[row])") }
        }
        #expect(mistakes == [])
    }

    /// What mergekit and the plan say of one tensor.
    private struct Row: Equatable {
        var rule: MergeRule
        var models: [String]
        var reference: String?

        init(_ merge: TensorMerge, names: [String]) {
            rule = merge.rule
            models = merge.inputs.map { names[$0.model] }
            reference = merge.reference.map { names[$0.model] }
        }

        init(_ row: JSON, method: MethodRules) {
            func numbers(_ json: JSON?) -> [String: Double] {
                var found: [String: Double] = [:]
                for member in json?.objectValue?.members ?? [] {
                    found[member.key] = member.value.doubleValue ?? member.value.boolValue.map { $0 ? 1 : 0 }
                }
                return found
            }
            let base = row["base"]?.stringValue
            var names = row["models"]?.arrayValue?.compactMap(\.stringValue) ?? []
            let terms = row["terms"]?.arrayValue ?? []
            var parts = Dictionary(uniqueKeysWithValues: zip(names, terms))
            if method.base.isReference {
                reference = base
                names.removeAll { $0 == base }
            } else if method.base == .start {
                names.sort { left, _ in left == base }
            }
            var parameters = ResolvedParameters(shared: numbers(row["shared"]))
            for (ordinal, name) in names.enumerated() {
                let values = numbers(parts.removeValue(forKey: name))
                parameters.models.append(.init(ordinal: ordinal, values: values))
            }
            models = names
            rule = MergeRule(method.arithmetic, parameters)
        }
    }
}
