@testable import Della

/// Rules about numbers, and about ranges of layers.
extension RuleTests {
    static let parameters = [
        Rule(
            "an unknown parameter", Rule.parameters("wieght: 1"),
            "6: unknown parameter 'wieght' (did you mean weight?)"),
        Rule(
            "an unknown parameter unlike any", Rule.parameters("weight: 1\nsmoothness: 0.01"),
            "7: unknown parameter 'smoothness' (della has weight, density, epsilon, lambda, normalize, rescale, int8_mask)"
        ),
        Rule(
            "numbers as people type them",
            Rule.parameters("weight: \u{2212}0.1\ndensity: 30%\nepsilon: 0,1\nlambda: \"-0,4\""),
            "6: weight: '\u{2212}0.1' is no number (write weight: -0.1)",
            "7: density: '30%' is no number (write density: 0.3)",
            "8: epsilon: '0,1' is no number (write epsilon: 0.1)",
            "9: lambda: '-0,4' is no number (write lambda: -0.4)"),
        Rule(
            "no weight", Rule.parameters("density: 0.5"),
            "4: Test/One has no weight for model.embed_tokens.weight and 56 more tensors (write weight: under the model's parameters, or a condition without filter)"
        ),
        Rule(
            "no weight for some", Rule.parameters("weight: {filter: mlp, value: 1}"),
            "4: Test/One has no weight for model.embed_tokens.weight and 38 more tensors (write weight: under the model's parameters, or a condition without filter)"
        ),
        Rule(
            "a word for a number", Rule.parameters("weight: high"),
            "6: weight: 'high' is no number (write weight: and a number)"),
        Rule(
            "a number with what does not show", Rule.parameters("weight: 0.5\u{200B}\ndensity: 0.5\u{A0}"),
            "6: weight: '0.5\\u{200B}' is no number (write weight: 0.5)",
            "7: density: '0.5\u{A0}' is no number (write density: 0.5)"),
        Rule(
            "a list in quotes", Rule.parameters("weight: \"[0.1, 0.5]\"\ndensity: \"[a, b]\""),
            "6: weight: '[0.1, 0.5]' is no number (write weight: [0.1, 0.5], without quotes)",
            "7: density: '[a, b]' is no number (write density: and a number)"),
        Rule(
            "a time and a sentence for numbers", Rule.parameters("weight: 1:30\ndensity: echo pwned"),
            "6: weight: '1:30' is no number (write weight: and a number)",
            "7: density: 'echo pwned' is no number (write density: and a number)"),
        Rule(
            "NaN", Rule.parameters("weight: .nan"),
            "6: weight is .nan (every parameter is a finite number)"),
        Rule(
            "infinity in a list", Rule.parameters("weight: [1, .inf]"),
            "6: weight is .inf (every parameter is a finite number)"),
        Rule(
            "more than float32 holds", Rule.parameters("weight: 1e39\nlambda: [1, -3.5e38]\nepsilon: 3.4e38"),
            "6: weight is 1e39, which float32 cannot hold (every parameter lies within ±3.4e38)",
            "7: lambda is -3.5e38, which float32 cannot hold (every parameter lies within ±3.4e38)"),
        Rule(
            "nothing", Rule.parameters("weight:"),
            "6: weight is nothing, not a number (write weight: and a number)"),
        Rule(
            "an empty list", Rule.parameters("weight: []"),
            "6: weight is an empty list (write a number, or a list of them)"),
        Rule(
            "numbers and conditions mixed", Rule.parameters("weight: [1, {value: 2}]"),
            "6: weight mixes numbers and conditions (give each its '- filter:' and 'value:')"),
        Rule(
            "a condition without value", Rule.parameters("weight: {filter: mlp}"),
            "6: a condition of weight without value: (write value: and a number or a list)"),
        Rule(
            "a condition with another key", Rule.parameters("weight: {filtre: mlp, value: 1}"),
            "6: unknown key 'filtre' (did you mean filter?)"),
        Rule(
            "a flag that is none", Rule.top("parameters: {normalize: 0.5}\n"),
            "4: normalize: '0.5' is neither true nor false (write true or false)"),
        Rule(
            "density with too large an epsilon", Rule.parameters("weight: 1\ndensity: 0.9"),
            "7: Test/One: density 0.9 ± epsilon 0.15 at layer 0 reaches from 0.75 to 1.05, out of (0, 1); also at layers 1–5 (write an epsilon below 0.1 there)"
        ),
        Rule(
            "density at some layers", Rule.parameters("weight: 1\ndensity: [0.5, 0.95]\nepsilon: 0.1"),
            "7: Test/One: density 0.95 ± epsilon 0.1 at layer 5 reaches from 0.85 to 1.05, out of (0, 1) (write an epsilon below 0.05 there)"
        ),
        Rule(
            "epsilon at some layers", Rule.parameters("weight: 1\ndensity: 0.3\nepsilon: [0.1, 0.1, 0.5]"),
            "7: Test/One: density 0.3 ± epsilon 0.34 at layer 4 reaches from -0.04 to 0.64, out of (0, 1); also at layer 5 (write an epsilon below 0.3 there)"
        ),
        Rule(
            "density outside the layers",
            Rule.parameters("weight: 1\ndensity: [{filter: norm, value: 0.1}, {value: 0.5}]"),
            "7: Test/One: density 0.1 ± epsilon 0.15 at layer 0 reaches from -0.05 to 0.25, out of (0, 1); also at layers 1–5 (write an epsilon below 0.1 there)"
        ),
        Rule(
            "parameters that are a list", Rule.top("parameters: [1, 2]\n"),
            "4: parameters: is a list, not a mapping (indent the parameters below it)"),
    ]

    static let slices = [
        Rule(
            "unequal lengths", Rule.slice("[0, 3]"),
            "8: layer_range of 3 layers beside one of 4 (the sources of a slice have ranges of one length)"),
        Rule(
            "a range beyond the model", Rule.slice("[3, 7]"),
            "8: layer_range [3, 7] reaches beyond the 6 layers of Test/One (END is at most 6)"),
        Rule(
            "an empty range", Rule.slice("[3, 3]"),
            "8: layer_range [3, 3] holds no layer (END is not included, and larger than FIRST)"),
        Rule(
            "a range backwards", Rule.slice("[4, 2]"),
            "8: layer_range [4, 2] holds no layer (END is not included, and larger than FIRST)"),
        Rule(
            "a range that begins before the first layer", Rule.slice("[-2, 4]"),
            "8: layer_range [-2, 4]: negative numbers are not taken (layers count from 0, and END is not included: to take the last of Test/One too, END is 6)"
        ),
        Rule(
            "ranges that end at the last layer but so many",
            Rule.slice("[0, -1]", base: "[0, -1]").replacing("Test/One", with: "Else/Where"),
            "6: layer_range [0, -1]: negative numbers are not taken (layers count from 0, and END is not included: to take the last of Test/Base too, END is 6)",
            "7: the model Else/Where was not found in MODELS (download it: hf download Else/Where --local-dir MODELS/Else/Where)",
            "8: layer_range [0, -1]: negative numbers are not taken (layers count from 0, and END is not included: to take the last too, END is the model's number of layers)"
        ),
        Rule(
            "a range beyond any model", Rule.slice("[0, 1000000]"),
            "8: layer_range [0, 1000000] reaches beyond 100000 layers, and no model has more (END is at most the model's number of layers)"
        ),
        Rule(
            "a range of three", Rule.slice("[1, 2, 3]"),
            "8: layer_range is not a pair of whole numbers (write layer_range: [FIRST, END], END not included)"
        ),
        Rule(
            "no range", Rule.slice("").replacingLast("        layer_range: ", ""),
            "7: layer_range is missing (write layer_range: [FIRST, END], END not included)"),
        Rule(
            "no base among the sources",
            Rule.slice("[0, 4]").replacingLast("Test/Base, layer", "Test/Two, layer"),
            "5: the slice does not list its base, Test/Base (add '- model: Test/Base' with the layer_range that the others are compared to)"
        ),
        Rule(
            "no sources",
            "base_model: Test/Base\nmerge_method: della\nslices:\n  - parameters: {weight: 1}\n",
            "4: a slice without sources: (list the models whose layers it takes)"),
        Rule(
            "layers of several stacks",
            "base_model: Test/VisionBase\nmerge_method: della\nslices:\n  - sources:\n      - {model: Test/VisionBase, layer_range: [0, 5]}\n",
            "5: Test/VisionBase has several stacks of layers (language_model.model.layers., vision_tower.vision_model.encoder.layers.): slices do not say which (write models: instead, which merges every tensor)"
        ),
    ]
}
