import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Every rule by which a config is refused: a row for each, the config and its report.
@Suite struct RuleTests {
    static let yaml = [
        Rule(
            "an empty file", "",
            "1: the config is empty (see the README for one to start from)"),
        Rule(
            "a list", "- a\n- b\n",
            "1: a config is a mapping, this is a list (it begins with keys such as base_model: and merge_method:)"
        ),
        Rule(
            "a text", "hello",
            "1: a config is a mapping, this is a single value (it begins with keys such as base_model: and merge_method:)"
        ),
        Rule(
            "a tab", "base_model: a\n\tmodels:",
            "2: not YAML: found a tab character that violates indentation (indent with spaces, not tabs)"),
        Rule(
            "a fence", "\n```yaml\nbase_model: a\n```\nthe end",
            "2: ``` stands around the config, as on a page (remove lines 2 and 4)"),
        Rule(
            "a card around it",
            "---\nlicense: mit\n---\n# Name\nA merge.\n```python\nx = 1\n```\n```yaml\nmerge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\n```\nThe end.\n```\n",
            "9: a model card stands around the config (keep lines 10 to 11 alone, which are below)"),
        Rule(
            "a card's front matter around it, and its fence not closed",
            "---\nlicense: mit\n---\n\n```yaml\nmerge_method: linear\n",
            "5: a model card stands around the config (keep lines 6 on alone)"),
        Rule(
            "an indented mark",
            "    name: one\n    merge_method: linear\n    ---\n    merge_method: linear\n",
            "3: not YAML: --- divides documents only where it begins its line (remove the spaces before it, and as many before every other line)"
        ),
        Rule(
            "a revision beside a model",
            "merge_method: linear\nmodels:\n  - model: Test/One\n    revision: dpo-v0\n    parameters: {weight: 1}\n",
            "4: the revision stands beside the model, not in its name: (write model: Test/One@dpo-v0)"),
        Rule(
            "quotes around it", "'''\nbase_model: a\n",
            "1: ''' stands around the config, as on a page (remove line 1)"),
        Rule(
            "keys that stand below a list",
            "models:\n    - model: Test/One\n  merge_method: della\n  base_model: Test/Base\n  tokenizer_source: [other]\n",
            "3: not YAML: did not find expected key (its indentation is not that of the keys before it: keys of one mapping begin in the same column)"
        ),
        Rule(
            "a program around it", "yaml_config = \"\"\"\nbase_model: a\n\"\"\"\n",
            "1: \"\"\" stands around the config, as on a page (remove lines 1 and 3)"),
        Rule(
            "a space lost",
            "base_model: Test/Base\nmodels:\n  - model:Test/One\n    parameters: {weight: 1}\n",
            "3: there is no space after 'model:' (write 'model: Test/One')"),
        Rule(
            "a space lost, in a list of names",
            "base_model: Test/Base\nmerge_method: della\nmodels:\n  - model:Test/One\n",
            "4: there is no space after 'model:' (write '- model: Test/One')"),
        Rule(
            "a mixture of experts", "base_model: a\ngate_mode: hidden\nexperts:\n  - source_model: b\n",
            "3: this is a config of mergekit-moe, which makes a mixture of experts (run mergekit-moe; dellad merges models of one architecture, with models: or slices:)"
        ),
        Rule(
            "an open bracket", "base_model: Test/Base\nmodels: [a, b\nmerge_method: della\n",
            "2: not YAML: did not find expected ',' or ']' (a bracket is not closed, or a comma is missing)"),
        Rule(
            "an open quote", "base_model: \"Test/Base\nmerge_method: della\n",
            "1: not YAML: found unexpected end of stream (a quote or bracket is not closed)"),
        Rule(
            "a missing colon", "base_model: Test/Base\nmerge_method della\ndtype: bfloat16\n",
            "2: not YAML: could not find expected ':' (a key is followed by ': ' and its value)"),
        Rule(
            "a colon too many", "base_model: Test/Base: x\n",
            "1: not YAML: mapping values are not allowed in this context (check the indentation of this line, and put text with ': ' in it in quotes)"
        ),
        Rule(
            "two documents", Rule.top("---\na: b\n"),
            "4: a second document begins here (a config is one document: keep one, without the ---)"),
        Rule(
            "a repeated key", Rule.top("dtype: bfloat16\ndtype: float16\n"),
            "5: the key 'dtype' is here a second time, after line 4 (keep one of them)"),
        Rule(
            "an unknown alias", Rule.top("parameters: *none\n"),
            "4: *none names no anchor above it (write &none before the value that is meant)"),
        Rule(
            "a key that is a list", Rule.top("? [a]\n: b\n"),
            "4: a list as a key (keys are names)"),
        Rule(
            "<< of a number", Rule.top("parameters: {<<: 3}\n"),
            "4: << takes a mapping, or a list of mappings, not a single value (write *NAME of an anchored mapping)"
        ),
    ]

    static let structure = [
        Rule(
            "an unknown key", Rule.top("dtpye: bfloat16\n"),
            "4: unknown key 'dtpye' (did you mean dtype?)"),
        Rule(
            "an unknown key unlike any", Rule.top("wandb: true\n"),
            "4: unknown key 'wandb' (known here: base_model, models, slices, modules, merge_method, parameters, dtype, out_dtype, tokenizer_source, tokenizer, chat_template, name, dellad)"
        ),
        Rule(
            "another tool's key", Rule.top("seed: 3\n"),
            "4: unknown key 'seed' (write dellad: {seed: N}, or --seed N)"),
        Rule(
            "each model's parameters by name, as in mergekit's first releases",
            Rule.top("input_model_parameters: {Test/One: {weight: 1}}\n"),
            "4: unknown key 'input_model_parameters' (write each model's below it, as its parameters:)"),
        Rule(
            "a parameter at top level", Rule.top("density: 0.5\n"),
            "4: the parameter density stands outside of parameters: (indent it below a parameters: line)"),
        Rule(
            "no method", "base_model: Test/Base\nmodels: [{model: Test/One, parameters: {weight: 1}}]\n",
            "1: merge_method is missing (write merge_method: della, or another of mergekit's)"),
        Rule(
            "an unknown method",
            "base_model: Test/Base\nmerge_method: dela\nmodels: [{model: Test/One, parameters: {weight: 1}}]\n",
            "2: unknown method 'dela' (did you mean della?)"),
        Rule(
            "no base", "merge_method: della\nmodels: [{model: Test/One, parameters: {weight: 1}}]\n",
            "1: base_model is missing (della takes differences to a base: name it)"),
        Rule(
            "no models", "base_model: Test/Base\nmerge_method: della\n",
            "1: the config lists no models (write models:, or slices:)"),
        Rule(
            "models and slices", Rule.top("slices: []\n"),
            "4: slices: is empty, not a list (each entry begins with '- sources:')",
            "4: slices and models in one config (keep one: models for whole models, slices for ranges of layers)"
        ),
        Rule(
            "models that are no list", "base_model: Test/Base\nmerge_method: della\nmodels: Test/One\n",
            "3: models: is a single value, not a list of models (each entry begins with '- model: NAME')"),
        Rule(
            "a model without a key", "base_model: Test/Base\nmerge_method: della\nmodels:\n  - Test/One\n",
            "4: 'Test/One' stands without a key (write '- model: Test/One')"),
        Rule(
            "an entry without model",
            "base_model: Test/Base\nmerge_method: della\nmodels:\n  - parameters: {weight: 1}\n",
            "4: an entry without model: (write '- model: NAME')"),
        Rule(
            "a parameter beside the model",
            "base_model: Test/Base\nmerge_method: della\nmodels:\n  - model: Test/One\n    weight: 1\n",
            "5: the parameter weight stands beside the model, not below its parameters: (indent it below a parameters: line of this model)"
        ),
        Rule(
            "layer_range under models",
            "base_model: Test/Base\nmerge_method: della\nmodels:\n  - model: Test/One\n    layer_range: [0, 4]\n    parameters: {weight: 1}\n",
            "5: layer_range under models: (ranges of layers are written with slices: and sources:)"),
        Rule(
            "a model twice",
            "base_model: Test/Base\nmerge_method: della\nmodels:\n  - {model: Test/One, parameters: {weight: 1}}\n  - {model: Test/One, parameters: {weight: 1}}\n",
            "5: Test/One is listed a second time, after line 4 (keep one; a copy of the folder under another name may take part twice)"
        ),
        Rule(
            "two modules",
            "base_model: Test/Base\nmerge_method: della\nmodules:\n  text:\n    models: [{model: Test/One, parameters: {weight: 1}}]\n  vision:\n    models: [{model: Test/One}]\n",
            "6: the module 'vision' beside 'text': models of several modules are not merged by module (write models: at top level, which merges every tensor of the base)"
        ),
        Rule(
            "dtype misspelt", Rule.top("dtype: bflot16\n"),
            "4: unknown dtype 'bflot16' (did you mean bfloat16?)"),
        Rule(
            "dtype by another name", Rule.top("out_dtype: bf16\n"),
            "4: unknown out_dtype 'bf16' (did you mean bfloat16?)"),
        Rule(
            "dtype float64", Rule.top("dtype: float64\n"),
            "4: dtype: float64 is not computed (write float32, which F64 inputs are read as)"),
        Rule(
            "an adapter that is not there", Rule.model("Test/One+Test/Lora"),
            "4: the model Test/Lora was not found in MODELS (download it: hf download Test/Lora --local-dir MODELS/Test/Lora)"
        ),
        Rule(
            "an adapter in the long form",
            Rule.model("{model: {path: Test/One}, lora: {path: Test/Lora}}"),
            "4: the model Test/Lora was not found in MODELS (download it: hf download Test/Lora --local-dir MODELS/Test/Lora)"
        ),
        Rule(
            "an adapter before the model", Rule.model("{lora: Test/Lora, model: Test/One}"),
            "4: the model Test/Lora was not found in MODELS (download it: hf download Test/Lora --local-dir MODELS/Test/Lora)"
        ),
        Rule(
            "an adapter beside the model", Rule.model("Test/One, lora: [{path: Test/Lora}]"),
            "4: the model Test/Lora was not found in MODELS (download it: hf download Test/Lora --local-dir MODELS/Test/Lora)"
        ),
        Rule(
            "several adapters", Rule.model("Test/One, lora: [Test/Lora, Test/Other]"),
            "4: lora: names 2 adapters for one model (list the model once with each, or merge all but one with peft's merge_and_unload)"
        ),
        Rule(
            "no adapter", Rule.model("Test/One, lora: {rank: 3}"),
            "4: lora: names no adapter (write lora: {path: FOLDER})"),
        Rule(
            "a long form that names two models", Rule.model("{model: Test/One, path: Test/Two}"),
            "4: path: 'Test/Two' beside 'Test/One' for one model (keep one)"),
        Rule(
            "a long form without a model", Rule.model("{revision: main}"),
            "4: model: names no model (write Org/Name, or a path)"),
        Rule(
            "a long form with a list", Rule.model("{path: [Test/One]}"),
            "4: path: is a list, not a text (write path: TEXT)"),
        Rule(
            "a long form with a path that is not there", Rule.model("{path: Test/One+chat@x}"),
            "4: the model Test/One+chat@x was not found in MODELS (download it: hf download Test/One+chat@x --local-dir MODELS/Test/One+chat@x)"
        ),
        Rule(
            "two adapters", Rule.model("Test/One+a+b"),
            "4: 'Test/One+a+b' names 2 adapters for one model, and one can be applied (list the model once with each, or merge all but one with peft's merge_and_unload; a path with + in it is written {path: …})"
        ),
        Rule(
            "an adapter without a name", Rule.model("Test/One+"),
            "4: 'Test/One+' is no model's name (write Org/Name, Org/Name@commit or a path)"),
        Rule(
            "tokenizer of a model that is not merged", Rule.top("tokenizer_source: Test/Two\n"),
            "4: Test/Two is none of the models that are merged (name one of them: Test/Base, Test/One)"),
        Rule(
            "tokenizer twice", Rule.top("tokenizer_source: base\ntokenizer: {source: base}\n"),
            "5: tokenizer_source and tokenizer in one config (keep one)"),
        Rule(
            "tokenizer that is none", Rule.top("tokenizer_source: [base]\n"),
            "4: tokenizer_source: is a list, not a tokenizer (write base, union, or one of the models)"),
        Rule(
            "tokenizer section that is none", Rule.top("tokenizer: union\n"),
            "4: tokenizer: is a single value, not a mapping (write tokenizer: {source: union})"),
        Rule(
            "tokenizer section that is a list", Rule.top("tokenizer: [union]\n"),
            "4: tokenizer: is a list, not a mapping (write tokenizer: {source: base})"),
        Rule(
            "tokenizer of a model that is not merged, in the old form",
            Rule.top("tokenizer_source: model:Test/Two\n"),
            "4: Test/Two is none of the models that are merged (name one of them: Test/Base, Test/One)"),
        Rule(
            "tokenizer of a folder that is not merged", Rule.top("tokenizer_source: /data/models/Two\n"),
            "4: /data/models/Two is none of the models that are merged (name one of them: Test/Base, Test/One)"
        ),
        Rule(
            "typographic quotes",
            Rule.top("dtype: \u{201E}bfloat16\u{201C}\ntokenizer_source: \u{AB}base\u{BB}\n"),
            "4: typographic quotes around 'bfloat16', which YAML takes for part of it (remove them, or write straight ones)",
            "5: typographic quotes around 'base', which YAML takes for part of it (remove them, or write straight ones)"
        ),
        Rule(
            "typographic quotes within straight ones",
            Rule.model("\"\u{201C}Test/One\u{201D}\""),
            "4: the model \u{201C}Test/One\u{201D} was not found: there are typographic quotes, or characters that do not show, in its name (remove them: write Test/One)"
        ),
        Rule(
            "characters that do not show", Rule.model("Test/O\u{200B}ne"),
            "4: the model Test/O\\u{200B}ne was not found: there are typographic quotes, or characters that do not show, in its name (remove them: write Test/One)"
        ),
        Rule(
            "tokenizer tokens",
            Rule.top(
                """
                tokenizer:
                  source: base
                  pad_to_multiple_of: 0
                  tokens:
                    a: Test/One
                    b: {source: {kind: one}}
                    c: {source: {kind: model_token, token: a}}
                    d: {source: {kind: model_token, model: Test/One, token: a, token_id: 1}}
                    e: {source: {kind: model_token, model: Test/One}, force: maybe}
                    f: {source: {kind: model_token, model: Test/One, token_id: -1}}
                    g: {surce: Test/One}
                    h: {source: {kind: zero, model: Test/One}}

                """),
            "6: tokenizer pad_to_multiple_of: '0' is no whole number from 1 to 1048576 (write pad_to_multiple_of: 64, or leave it out)",
            "8: the token 'a' is a single value, not a mapping (write source: and a model below it)",
            "9: the source of the token 'b' is of an unknown kind, 'one' (write model_token or zero)",
            "10: the source of the token 'c' names no model (write model: and a model)",
            "11: the source of the token 'd' has both token and token_id (write one of them)",
            "12: the source of the token 'e' has neither token nor token_id (write one of them)",
            "12: force is neither true nor false (write true or false)",
            "13: token_id: '-1' is no whole number from 0 on (write token_id: and a token's number)",
            "14: unknown key 'surce' (did you mean source?)",
            "15: unknown key 'model' (known here: kind)"),
        Rule(
            "tokenizer tokens that nobody has",
            Rule.top(
                """
                tokenizer:
                  tokens:
                    a: {source: Test/One}
                    b: {source: {kind: model_token, model: Test/One, token: x}}
                    c: {source: {kind: model_token, model: Test/One, token_id: 8}}
                    t1: {source: Test/Two}

                """),
            "6: Test/One has no token 'a' (name a model that has it, or write source: {kind: zero})",
            "7: Test/One has no token 'x', which 'b' is to start from (name a model that has it, or write source: {kind: zero})",
            "8: Test/One has 8 rows, and no token_id 8 (write a smaller one)",
            "9: Test/Two is none of the models that are merged (name one of them: Test/Base, Test/One)"),
        Rule(
            "chat template", Rule.top("chat_template: chatlm\n"),
            "4: unknown chat_template 'chatlm' (did you mean chatml?)"),
        Rule(
            "dellad keys",
            Rule.top(
                "dellad:\n  sede: 3\n  shard_size: 5TB\n  memory: 0\n  mergekit_compat: maybe\n  retry: -1\n"),
            "5: unknown key 'sede' (did you mean seed?)",
            "6: shard_size: '5TB' is no size (write a number with K, M, G or KB, MB, GB: 1.5G)",
            "7: memory: '0' is no size (write a number with K, M, G or KB, MB, GB: 1.5G)",
            "8: mergekit_compat is neither true nor false (write true or false)",
            "9: retry is no whole number from 0 to 1000 (write retry: 3)"),
        Rule(
            "a seed that is none", Rule.top("dellad: {seed: 18446744073709551616}\n"),
            "4: seed is no whole number from 0 to 2^64−1 (write seed: 42)"),
    ]

    @Test func everyRuleHasItsReport() throws {
        let models = try makeModels()
        let rules = Self.yaml + Self.structure + Self.parameters + Self.slices + Self.models + Self.methods
        for rule in rules {
            let report = models.report(rule.config).map {
                $0.replacing(models.folder.string, with: "MODELS").replacing("merge.yml:", with: "")
            }
            #expect(report == rule.report, "\(rule.name)")
        }
    }
}

extension String {
    /// With the last occurrence of `part` replaced.
    func replacingLast(_ part: String, _ other: String) -> String {
        guard let range = ranges(of: part).last else { return self }
        return replacingCharacters(in: range, with: other)
    }

    private func replacingCharacters(in range: Range<Index>, with other: String) -> String {
        String(self[..<range.lowerBound]) + other + self[range.upperBound...]
    }
}
