import StreamIO
import SystemPackage
import Testing

@testable import Della

/// That the documents say of the methods what the rules say.
@Suite struct MethodTableTests {
    private static func parameters(_ method: MethodRules, ofModels: Bool) -> String {
        let found = method.parameters.filter { ($0.scope == .model) == ofModels }
        guard !found.isEmpty else { return "" }
        return found.map { rule in
            let name = "`\(rule.name)`"
            guard rule.name != ParameterRule.int8Mask.name else { return name }
            guard let standard = rule.standard else {
                return name + (rule.isRequired ? " –" : " not applied")
            }
            return name + " "
                + (rule.kind == .flag
                    ? "\(standard != 0)" : standard < 1e-4 ? "\(standard)" : ParameterRule.decimal(standard))
        }.joined(separator: ", ")
    }

    private static func row(_ method: MethodRules) -> String {
        let base =
            switch method.base {
            case .member: "one more model"
            case .start: "one of them"
            case .optional: "optional"
            case .required: "required"
            }
        let least = method.models.lowerBound
        let models =
            least == method.models.upperBound ? "\(least)" : least == 0 ? "any number" : "\(least) or more"
        let name = method.reference.map { "[`\(method.name)`](\($0))" } ?? "`\(method.name)`"
        let cells = [
            name, base, models, parameters(method, ofModels: true), parameters(method, ofModels: false),
        ]
        return "| " + cells.map { $0.isEmpty ? " " : $0 }.joined(separator: " | ") + " |"
    }

    @Test func configMDHasEveryMethodWithItsParameters() throws {
        let path = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
            .removingLastComponent().pushing("docs/config.md")
        let text = String(decoding: try FileSystem.readWhole(path, limit: 1 << 20), as: UTF8.self)
        let rows = MethodRules.all.map(Self.row)
        let missing = rows.filter { !text.contains($0) }
        #expect(missing == [], "\(rows.joined(separator: "\n"))")
    }
}
