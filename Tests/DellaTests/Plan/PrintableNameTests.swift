import StreamIO
import Testing

@testable import Della

/// Names of tensors may hold any character; what is printed of them is one line without control characters.
@Suite struct PrintableNameTests {
    @Test(arguments: [
        ("plain", "plain"), ("größe–1", "größe–1"), ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u{1B}[31mred", "\\u{1B}[31mred"),
        ("\u{0}\u{7F}\u{9B}", "\\u{0}\\u{7F}\\u{9B}"), ("a\u{2028}b\u{202E}c", "a\\u{2028}b\\u{202E}c"),
        ("\r\n", "\\r\\n"),
    ])
    func controlCharactersAreEscaped(text: String, printed: String) {
        #expect(text.printable == printed)
    }

    private static let name = "evil\u{1B}[2J\nweight"

    /// Models of one good tensor and, where wanted, one whose name no terminal should see.
    private func models(base: Bool, other: Bool, type: ElementType = .bf16) throws -> TinyModels {
        let models = try TinyModels()
        let plain = TinyModels.Tensor(name: "plain.weight", type: .bf16, shape: [4])
        let evil = TinyModels.Tensor(name: Self.name, type: type, shape: [4])
        for (name, isEvil) in [("A", base), ("B", other)] {
            try models.writeModel(
                name, tensors: isEvil ? [plain, evil] : [plain], config: .object(JSONObject()))
        }
        return models
    }

    private func isPrintable(_ text: String) -> Bool {
        !text.contains("\u{1B}") && text.contains("evil\\u{1B}[2J\\n")
    }

    @Test func problemsOfTensorsShowTheirNamesEscaped() throws {
        let missing = try models(base: true, other: false).report(Rule.model("B", base: "A"))
        #expect(missing.count == 1 && missing.allSatisfy { isPrintable($0) && !$0.contains("\n") })
        let types = try models(base: true, other: true, type: .f8E4M3).report(Rule.model("B", base: "A"))
        #expect(types.count == 2 && types.allSatisfy { isPrintable($0) && !$0.contains("\n") })
    }

    @Test func warningsAndReportsShowThemEscaped() throws {
        let extra = try models(base: false, other: true).plan(Rule.model("B", base: "A"))
        #expect(
            extra.warnings.count == 1 && extra.warnings.allSatisfy { isPrintable($0) && !$0.contains("\n") })
        let plan = try models(base: true, other: true).plan(
            Rule.parameters("weight: [{filter: plain, value: 1}, {value: 0.5}]")
                .replacing("Test/Base", with: "A").replacing("Test/One", with: "B"))
        let report = PlanReport(plan, memory: 64 << 20, threads: 1)
        #expect(isPrintable(report.text))
        // The tensor itself keeps its name.
        #expect(plan.shards[0].tensors.contains { $0.name == Self.name })
    }
}
