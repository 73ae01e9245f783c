@testable import Della

/// Rules about what a method takes: its base, its number of models, its parameters.
extension RuleTests {
    /// A config of a method with these models, one a line from line 4.
    private static func method(
        _ name: String, base: String? = "Test/Base", _ models: [String], _ lines: String = ""
    ) -> String {
        (base.map { "base_model: \($0)\n" } ?? "# no base\n") + "merge_method: \(name)\nmodels:\n"
            + models.map { "  - {model: \($0)}\n" }.joined() + lines
    }

    static let methods = [
        Rule(
            "slerp without a base",
            method("slerp", base: nil, ["Test/One", "Test/Two"], "parameters: {t: 0.5}\n"),
            "1: base_model is missing (slerp goes from the base to the other model: name one of the two)"),
        Rule(
            "slerp without t", method("slerp", ["Test/Base", "Test/One"]),
            "2: slerp has no t for model.embed_tokens.weight and 56 more tensors (write t: under parameters, or a condition without filter)"
        ),
        Rule(
            "slerp without t for some",
            method("slerp", ["Test/One"], "parameters: {t: {filter: mlp, value: 0.5}}\n"),
            "2: slerp has no t for model.embed_tokens.weight and 38 more tensors (write t: under parameters, or a condition without filter)"
        ),
        Rule(
            "slerp with t under the model alone",
            method("slerp", ["Test/Base", "Test/One, parameters: {t: 0.5}"]),
            "2: slerp has no t for model.embed_tokens.weight and 56 more tensors: the t in line 5 stands under a model, where it changes nothing (write t: under the parameters: at top level)"
        ),
        Rule(
            "slerp of three",
            method("slerp", ["Test/Base", "Test/One", "Test/Two"], "parameters: {t: 0.5}\n"),
            "3: slerp merges 2 models, and there are 3 (list fewer, or write a method for more: della, della_linear, task_arithmetic, ties)"
        ),
        Rule(
            "slerp of one", method("slerp", ["Test/Base"], "parameters: {t: 0.5}\n"),
            "3: slerp merges 2 models, and there is 1 (list more, or write a method for one: della, della_linear, task_arithmetic, ties)"
        ),
        Rule(
            "model_stock of one", method("model_stock", ["Test/Base", "Test/One"]),
            "3: model_stock merges 2 or more models besides the base, and there is 1 (list more, or write a method for one: della, della_linear, task_arithmetic, ties)"
        ),
        Rule(
            "nearswap of two", method("nearswap", ["Test/One", "Test/Two"], "parameters: {t: 0.001}\n"),
            "3: nearswap merges 1 model besides the base, and there are 2 (list fewer, or write a method for more: della, della_linear, slerp, task_arithmetic)"
        ),
        Rule(
            "arcee_fusion without a base", method("arcee_fusion", base: nil, ["Test/One", "Test/Two"]),
            "1: base_model is missing (arcee_fusion takes differences to a base: name it)"),
        Rule(
            "nuslerp of three",
            method(
                "nuslerp", base: nil, ["Test/One", "Test/Two", "Test/Three"], "parameters: {weight: 1}\n"),
            "3: nuslerp merges 2 models besides the base, and there are 3 (list fewer, or write a method for more: linear, multislerp, karcher)"
        ),
        Rule(
            "passthrough of two", method("passthrough", base: nil, ["Test/One", "Test/Two"]),
            "3: passthrough merges 1 model, and there are 2 (list fewer, or write a method for more: linear, nuslerp, multislerp, karcher)"
        ),
        Rule(
            "passthrough of a model and a base", method("passthrough", ["Test/One"]),
            "3: passthrough merges 1 model, and there are 2 (list fewer, or write a method for more: linear, nuslerp, multislerp, karcher)"
        ),
        Rule(
            "linear with a base that has no weight",
            method("linear", ["{path: Test/One}, parameters: {weight: 1}"]),
            "1: Test/Base has no weight for model.embed_tokens.weight and 56 more tensors (base_model is one more model here: list it with a weight, or leave base_model out)"
        ),
        Rule(
            "weights that add up to nothing",
            method(
                "linear", base: nil,
                ["Test/One, parameters: {weight: [0.5, 0.25]}", "Test/Two, parameters: {weight: [-0.5, 0]}"]),
            "3: the weights of linear (0.5, -0.5) add up to 0 for model.embed_tokens.weight and for 11 more tensors, and are divided by it (write weights with another sum)"
        ),
        Rule(
            "a count that is none",
            method("karcher", base: nil, ["Test/One"], "parameters: {max_iter: 2.5}\n"),
            "5: max_iter: 2.5 is no whole number from 0 to 1000000 (write max_iter: and a whole number)"),
        Rule(
            "an unknown parameter, near another method's",
            method("breadcrumbs", ["Test/One"], "parameters: {weight: 1, gama: 0.1, select_topl: 1}\n"),
            "5: unknown parameter 'gama' (did you mean gamma?)",
            "5: unknown parameter 'select_topl' (did you mean select_topk?)"),
        Rule(
            "an unknown parameter of a method without any",
            method("arcee_fusion", ["Test/One"], "parameters: {strength_of_all: 1}\n"),
            "5: unknown parameter 'strength_of_all' (arcee_fusion has none)"),
        Rule(
            "an unknown method", method("slurp", ["Test/One, parameters: {weight: 1}"]),
            "2: unknown method 'slurp' (did you mean slerp?)"),
        Rule(
            "an unknown method unlike any", method("averaging", ["Test/One, parameters: {weight: 1}"]),
            "2: unknown method 'averaging' (known are \(MethodRules.names.joined(separator: ", ")))"),
    ]
}
