import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Della

/// A base that is listed among the models under another name than `base_model` has.
@Suite struct BaseNameTests {
    private static func config(_ method: String, base: String, listed: String) -> String {
        let parameters =
            method == "slerp" ? "parameters: {t: 0.5}" : "parameters: {weight: 0.5, density: 0.5}"
        let models = method == "slerp" ? [listed, "B"] : [listed, "B", "C"]
        return """
            merge_method: \(method)
            base_model: \(base)
            models: [\(models.map { "{model: \($0)}" }.joined(separator: ", "))]
            \(parameters)
            dellad: {seed: 1}
            """
    }

    private func models() throws -> TinyModels {
        let models = try TinyModels()
        for name in ["A", "B", "C"] { try models.make(name, shape: "mistral", layers: 2) }
        try FileManager.default.createSymbolicLink(
            atPath: models.folder.appending("Link").string, withDestinationPath: "A")
        return models
    }

    @Test(
        arguments: [
            "model_stock", "della", "della_linear", "dare_ties", "ties", "task_arithmetic", "breadcrumbs",
            "sce",
            "slerp",
        ])
    func isTheBaseAllTheSame(method: String) throws {
        let models = try models()
        let expected = try models.plan(Self.config(method, base: "A", listed: "A"))
        for name in ["A/", "Link", "\(models.folder)/A", "\(models.folder)/./A"] {
            for (base, listed) in [("A", name), (name, "A")] {
                let plan = try models.plan(Self.config(method, base: base, listed: listed))
                #expect(plan.fingerprint == expected.fingerprint, "\(base) \(listed)")
                #expect(
                    plan.warnings.contains {
                        $0.contains("\(listed) is the folder of the base, \(base): it is taken as the base")
                    }, "\(plan.warnings)")
            }
        }
    }

    @Test func aSliceListsItsBaseUnderAnyName() throws {
        let models = try models()
        let text = """
            merge_method: dare_ties
            base_model: A
            slices:
              - sources:
                  - {model: A/, layer_range: [0, 2]}
                  - {model: B, layer_range: [0, 2], parameters: {weight: 0.5, density: 0.5}}
            """
        let plan = try models.plan(text)
        #expect(plan.fingerprint == (try models.plan(text.replacing("A/", with: "A"))).fingerprint)
    }

    @Test func underTwoNamesItIsListedTwice() throws {
        let models = try models()
        let text = """
            merge_method: model_stock
            base_model: A
            models:
              - model: A/
              - model: Link
              - model: B
              - model: C
            """
        let report = models.report(text)
        #expect(
            report.count == 1 && report[0].hasPrefix("merge.yml:5: A is listed a second time"), "\(report)")
    }

    /// A copy of its folder is another model.
    @Test func aCopyTakesPartAsOneMore() throws {
        let models = try models()
        let place = models.folder
        try FileManager.default.copyItem(
            atPath: place.appending("A").string, toPath: place.appending("Copy").string)
        let plan = try models.plan(Self.config("model_stock", base: "A", listed: "Copy"))
        let expected = try models.plan(Self.config("model_stock", base: "A", listed: "A"))
        #expect(plan.fingerprint != expected.fingerprint)
    }
}
