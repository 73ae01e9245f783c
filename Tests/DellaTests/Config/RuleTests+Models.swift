import StreamIO
import SystemPackage

@testable import Della

/// Rules about models: how they are found, and whether they fit the base.
extension RuleTests {
    static let models = [
        Rule(
            "not found", Rule.model("Test/Onne"),
            "4: the model Test/Onne was not found in MODELS (did you mean Test/One? else download it: hf download Test/Onne --local-dir MODELS/Test/Onne)"
        ),
        Rule(
            "a slash lost", Rule.model("TestOne"),
            "4: the model TestOne was not found in MODELS (did you mean Test/One?)"),
        Rule(
            "not found, like none", Rule.model("somebody/else-9B"),
            "4: the model somebody/else-9B was not found in MODELS (download it: hf download somebody/else-9B --local-dir MODELS/somebody/else-9B)"
        ),
        Rule(
            "not found, a path", Rule.model("/nowhere/model"),
            "4: the model /nowhere/model was not found (check the path)"),
        Rule(
            "other layers", Rule.model("Test/Shallow"),
            "4: Test/Shallow has 1 layer, the base 6 (merge models of one architecture, or ranges of layers with slices:)"
        ),
        Rule(
            "another architecture", Rule.model("Test/QwenBase", base: "Test/GPTBase"),
            "4: Test/QwenBase has no tensor transformer.wte.weight (and 39 more), which the base has, and has model.embed_tokens.weight, which the base has not (the architectures' names differ: it is of the architecture qwen2, the base of gpt2; merge models of one)"
        ),
        Rule(
            "another architecture whose tensors fit", Rule.model("Bad/Llama"),
            "4: Bad/Llama is of the architecture llama, the base of mistral (merge models of one architecture, or write dellad: {allow_crimes: true}, or --allow-crimes)"
        ),
        Rule(
            "a tokenizer without text", Rule.model("Bad/Pieces") + "tokenizer_source: base\n",
            "5: Bad/Pieces has no tokenizer.json, by which tokens are matched: only tokenizer.model (write one with transformers' AutoTokenizer.from_pretrained(…).save_pretrained(…))"
        ),
        Rule(
            "a tokenizer that git-lfs has not fetched", Rule.model("Test/One", base: "Bad/Pointer"),
            "1: Bad/Pointer: MODELS/Bad/Pointer/tokenizer.json is a git-lfs pointer, not the file itself (run git lfs pull in its folder, or download it again)"
        ),
        Rule(
            "an empty file of a tokenizer", Rule.model("Test/One", base: "Bad/EmptyFile"),
            "1: Bad/EmptyFile: MODELS/Bad/EmptyFile/special_tokens_map.json is empty (run git lfs pull in its folder, or download it again)"
        ),
        Rule(
            "a model's tokenizer that git-lfs has not fetched",
            Rule.model("Bad/Pointer") + "tokenizer_source: base\n",
            "4: Bad/Pointer: MODELS/Bad/Pointer/tokenizer.json is a git-lfs pointer, not the file itself (run git lfs pull in its folder, or download it again)"
        ),
        Rule(
            "missing tensors", Rule.model("Test/One", base: "Bad/More"),
            "4: Test/One has no tensor model.more.weight, which the base has (download it again, or use another model)"
        ),
        Rule(
            "a missing head", Rule.model("Bad/Headless"),
            "4: Bad/Headless has no tensor lm_head.weight, which the base has (download it again, or use another model)"
        ),
        Rule(
            "biases that no layer has", Rule.model("Test/One", base: "Bad/Biases"),
            "4: Test/One has no tensor model.layers.0.self_attn.q_proj.bias (and 5 more), which the base has; config.json: attention_bias is null, the base's true (none of its layers has it: merge models of one architecture and size)"
        ),
        Rule(
            "fewer experts", Rule.model("Bad/Experts3", base: "Bad/Experts4"),
            "4: Bad/Experts3 has no tensor model.layers.0.mlp.experts.3.w1.weight (and 5 more), which the base has; config.json: num_local_experts is 3, the base's 4 (none of its layers has it: merge models of one architecture and size)"
        ),
        Rule(
            "a tensor that other layers have", Rule.model("Bad/Gap"),
            "4: Bad/Gap has no tensor model.layers.3.mlp.up_proj.weight, which the base has (download it again, or use another model)"
        ),
        Rule(
            "another vocabulary", Rule.model("Bad/Vocabulary"),
            "4: Bad/Vocabulary has a vocabulary of 10 tokens, the base of 8 (model.embed_tokens.weight) (write tokenizer: {source: base}, or union, to match tokens by name)"
        ),
        Rule(
            "another shape", Rule.model("Bad/Shape"),
            "4: Bad/Shape: model.layers.0.self_attn.q_proj.weight has the shape [4, 5], the base's [4, 4] (merge models of one architecture and size)"
        ),
        Rule(
            "quantised", Rule.model("Bad/Quantised"),
            "4: Bad/Quantised is quantised (gptq): its weights cannot be computed with (name the model in bfloat16, float16 or float32 that it was made from)"
        ),
        Rule(
            "F8", Rule.model("Bad/F8"),
            "4: Bad/F8: model.embed_tokens.weight is of type F8_E4M3 (and 56 more), which cannot be computed with (quantised checkpoints are not merged: name the model in bfloat16, float16 or float32)"
        ),
        Rule(
            "integers that differ", Rule.model("Bad/IntegersB", base: "Bad/IntegersA"),
            "4: Bad/IntegersB: the integer tensor position_ids differs from the base's (integers are not averaged: use models that share them)"
        ),
        Rule(
            "integers of another type", Rule.model("Bad/Ids32", base: "Bad/Ids64"),
            "4: Bad/Ids32: model.ids is of type I32, the base's of type I64 (integers are copied, and not converted: save the tensor in one type in both)"
        ),
        Rule(
            "floating point for integers", Rule.model("Bad/IdsFloat", base: "Bad/Ids64"),
            "4: Bad/IdsFloat: model.ids is of type F32, the base's of type I64 (integers are copied, and not converted: save the tensor in one type in both)"
        ),
        Rule(
            "integers for floating point", Rule.model("Bad/Ids64", base: "Bad/IdsFloat"),
            "4: Bad/Ids64: model.ids is of type I64, the base's of type F32 (integers are copied, and not converted: save the tensor in one type in both)"
        ),
        Rule(
            "a model in subfolders", Rule.model("Bad/Trained"),
            "4: Bad/Trained: MODELS/Bad/Trained: no model in this folder, but below it, in checkpoint-200, checkpoint-1000 (name one of them, as MODELS/Bad/Trained/checkpoint-1000)"
        ),
        Rule(
            "a web page for weights", Rule.model("Bad/Page"),
            "4: Bad/Page: MODELS/Bad/Page/model.safetensors: a web page in place of the file (download it again, with hf download or from a link with /resolve/ in it: one with /blob/ is a page about the file)"
        ),
        Rule(
            "a .bin that is none", Rule.model("Bad/Pickled"),
            "4: Bad/Pickled: MODELS/Bad/Pickled/pytorch_model.bin: no zip archive as torch.save writes it (download it again; it may have been cut short)"
        ),
        Rule(
            "no tensors", Rule.model("Bad/Empty", base: "Bad/Empty2"),
            "1: Bad/Empty2 has no tensors (download it again)",
            "4: Bad/Empty has no tensors (download it again)"),
        Rule(
            "an adapter", Rule.model("Bad/Adapter"),
            "4: Bad/Adapter is an adapter (LoRA), not a model: it only holds differences to its base (write BASE+ADAPTER, with the model that it was made for)"
        ),
        Rule(
            "only GGUF", Rule.model("Bad/GGUF"),
            "4: Bad/GGUF is only there as GGUF (model.Q4_K_M.gguf), whose weights are quantised or laid out anew (name the safetensors model that it was made from)"
        ),
        Rule("a model beside what was made of it", Rule.model("Good/Beside")),
        Rule(
            "a broken config.json", Rule.model("Bad/Config"),
            "4: Bad/Config: MODELS/Bad/Config/config.json: line 1: a comma after the last value (remove it)"),
        Rule(
            "layers lost", Rule.model("Test/One", base: "Bad/Lost"),
            "1: Bad/Lost: config.json says 8 layers, the checkpoint has 6 (download it again)"),
        Rule(
            "several at once",
            "base_model: Test/Bse\nmerge_method: delta\nmodels:\n  - model: Bad/Pickled\n    parameters: {density: x}\nfoo: 1\n",
            "1: the model Test/Bse was not found in MODELS (did you mean Test/Base? else download it: hf download Test/Bse --local-dir MODELS/Test/Bse)",
            "2: unknown method 'delta' (did you mean della?)",
            "4: Bad/Pickled: MODELS/Bad/Pickled/pytorch_model.bin: no zip archive as torch.save writes it (download it again; it may have been cut short)",
            "5: density: 'x' is no number (write density: and a number)",
            "6: unknown key 'foo' (known here: base_model, models, slices, modules, merge_method, parameters, dtype, out_dtype, tokenizer_source, tokenizer, chat_template, name, dellad)"
        ),
    ]

    /// Models of which layers have more or fewer tensors, and folders with something else for a model.
    private func makeOddSizes(_ models: TinyModels) throws {
        try models.make("Bad/Biases", shape: "mistral", layers: 6) { tensors in
            for layer in 0..<6 {
                tensors.append(
                    .init(name: "model.layers.\(layer).self_attn.q_proj.bias", type: .bf16, shape: [4]))
            }
        } editConfig: {
            $0["attention_bias"] = .bool(true)
        }
        for count in [3, 4] {
            try models.make("Bad/Experts\(count)", shape: "mistral", layers: 6) { tensors in
                for layer in 0..<6 {
                    for expert in 0..<count {
                        let name = "model.layers.\(layer).mlp.experts.\(expert).w1.weight"
                        tensors.append(.init(name: name, type: .bf16, shape: [4]))
                    }
                }
            } editConfig: {
                $0["num_local_experts"] = .int(count)
            }
        }
        try models.make("Bad/Gap", shape: "mistral", layers: 6) { tensors in
            tensors.removeAll { $0.name == "model.layers.3.mlp.up_proj.weight" }
        }
        for step in [200, 1000] {
            try models.make("Bad/Trained/checkpoint-\(step)", shape: "mistral", layers: 6)
        }
        try models.make("Bad/Page", shape: "mistral", layers: 6)
        try models.write("<!DOCTYPE html>\n<html><head>", to: "Bad/Page/model.safetensors")
    }

    /// The models that the rules speak of.
    func makeModels() throws -> TinyModels {
        let models = try TinyModels()
        try models.makeModels(
            namedIn:
                "Test/Base Test/One Test/Two Test/Three Test/Shallow Test/VisionBase Test/QwenBase Test/GPTBase"
        )
        func make(_ name: String, _ edit: @escaping (inout [TinyModels.Tensor]) -> Void) throws {
            try models.make(name, shape: "mistral", layers: 6, edit: edit)
        }
        try make("Bad/More") { $0.append(.init(name: "model.more.weight", type: .bf16, shape: [4])) }
        try make("Bad/Headless") { $0.removeLast() }
        try make("Bad/Vocabulary") {
            $0[0].shape[0] = 10; $0[$0.count - 1].shape[0] = 10
        }
        try make("Bad/Shape") { $0[2].shape = [4, 5] }
        try make("Bad/F8") { tensors in for index in tensors.indices { tensors[index].type = .f8E4M3 } }
        for (name, byte) in [("Bad/IntegersA", UInt8(0)), ("Bad/IntegersB", 1)] {
            try make(name) {
                $0.append(
                    .init(name: "position_ids", type: .i64, shape: [1], bytes: [byte, 0, 0, 0, 0, 0, 0, 0]))
            }
        }
        for (name, type) in [("Bad/Ids32", ElementType.i32), ("Bad/Ids64", .i64), ("Bad/IdsFloat", .f32)] {
            try make(name) { $0.append(.init(name: "model.ids", type: type, shape: [1])) }
        }
        try makeOddSizes(models)
        try models.make("Bad/Quantised", shape: "mistral", layers: 6) {
            $0[2].type = .i32
        } editConfig: { config in
            config["quantization_config"] = .object(JSONObject([("quant_method", .string("gptq"))]))
        }
        try models.make("Bad/Lost", shape: "mistral", layers: 6) { _ in
        } editConfig: {
            $0["num_hidden_layers"] = .int(8)
        }
        try models.make("Bad/Config", shape: "mistral", layers: 6) { _ in
        } editConfig: {
            $0 = .null
        }
        for name in ["Bad/Empty", "Bad/Empty2"] {
            try models.writeModel(name, tensors: [], config: .object(JSONObject()))
        }
        let difference = TinyModels.Tensor(
            name: "base_model.model.q_proj.lora_A.weight", type: .f32, shape: [2])
        try models.writeModel("Bad/Adapter", tensors: [difference], config: .null)
        let adapter = models.folder.pushing("Bad/Adapter")
        try FileSystem.rename(
            adapter.appending("model.safetensors"), to: adapter.appending("adapter_model.safetensors"),
            replacing: false)
        try models.write("{}", to: "Bad/Adapter/adapter_config.json")
        try models.writeModel("Bad/GGUF", tensors: [], config: .object(JSONObject()))
        try FileSystem.remove(models.folder.pushing("Bad/GGUF/model.safetensors"))
        try models.make("Test/One", as: "Good/Beside")
        for name in [
            "Bad/GGUF/model.Q4_K_M.gguf", "Good/Beside/model.gguf", "Good/Beside/adapter_config.json",
        ] {
            try models.write("{}", to: name)
        }
        try models.write("{\"hidden_size\": 4,}", to: "Bad/Config/config.json")
        try models.make("Bad/Llama", shape: "llama", layers: 6)
        try models.writeTokenizer(TinyModels.tokens + ["t8", "t9"], of: "Bad/Vocabulary")
        for name in ["Bad/Pieces", "Bad/Pointer", "Bad/EmptyFile"] {
            try models.make("Test/One", as: name)
        }
        try FileSystem.remove(models.folder.pushing("Bad/Pieces/tokenizer.json"))
        try models.write("x", to: "Bad/Pieces/tokenizer.model")
        try models.write(
            "version https://git-lfs.github.com/spec/v1\noid sha256:00ff\nsize 17078292\n",
            to: "Bad/Pointer/tokenizer.json")
        try models.write("", to: "Bad/EmptyFile/special_tokens_map.json")
        try FileSystem.createFolder(models.folder.appending("Bad").appending("Pickled"))
        try models.write("x", to: "Bad/Pickled/pytorch_model.bin")
        return models
    }
}
