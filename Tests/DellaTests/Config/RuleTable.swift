import Testing

/// One rule of the language: a config, and the report it gets.
struct Rule: Sendable, CustomTestStringConvertible {
    var name: String
    var config: String
    /// The lines of the report, without the file's name.
    var report: [String]

    init(_ name: String, _ config: String, _ report: String...) {
        self.name = name
        self.config = config
        self.report = report
    }

    var testDescription: String { name }

    /// A config with one model whose parameters are these lines.
    static func parameters(_ lines: String) -> String {
        "base_model: Test/Base\nmerge_method: della\nmodels:\n  - model: Test/One\n    parameters:\n"
            + lines.split(separator: "\n").map { "      \($0)\n" }.joined()
    }

    /// A good config with these lines after it.
    static func top(_ lines: String) -> String {
        "base_model: Test/Base\nmerge_method: della\nmodels: [{model: Test/One, parameters: {weight: 1}}]\n"
            + lines
    }

    /// A good config of one slice, with `range` for the other model.
    static func slice(_ range: String, base: String = "[0, 4]") -> String {
        """
        base_model: Test/Base
        merge_method: della
        parameters: {weight: 1}
        slices:
          - sources:
              - {model: Test/Base, layer_range: \(base)}
              - model: Test/One
                layer_range: \(range)
        """
    }

    /// A config that merges another model with the base.
    static func model(_ name: String, base: String = "Test/Base") -> String {
        "base_model: \(base)\nmerge_method: della\nmodels:\n  - {model: \(name), parameters: {weight: 1}}\n"
    }
}
