/// The files beside the weights, just enough for a folder that model loaders accept.
extension CheckpointShape {
    /// Name and content of each file, in the order they are written.
    ///
    /// - Parameters:
    ///   - isQuantised: whether linear weights are of 8 bits.
    ///   - hasTokenizer: whether `tokenizer.json`, of a few letters, is one of them.
    func companions(isQuantised: Bool, hasTokenizer: Bool) -> [(name: String, text: String)] {
        [
            ("config.json", configuration(isQuantised: isQuantised)),
            ("generation_config.json", Self.generationConfiguration),
            ("special_tokens_map.json", Self.specialTokens),
            ("tokenizer_config.json", Self.tokenizerConfiguration),
        ] + (hasTokenizer ? [("tokenizer.json", Self.tokenizer)] : [])
    }

    /// `config.json` as transformers reads it.
    private func configuration(isQuantised: Bool) -> String {
        """
        {
          "architectures": [
            "MistralForCausalLM"
          ],
          "model_type": "mistral",
          "hidden_size": \(hidden),
          "intermediate_size": \(intermediate),
          "num_hidden_layers": \(layers),
          "num_attention_heads": \(heads),
          "num_key_value_heads": \(keyValueHeads),
          "head_dim": \(headDimension),
          "vocab_size": \(vocabulary),
          "torch_dtype": "bfloat16",
          "tie_word_embeddings": false,
          "max_position_embeddings": 1024000,
          "rms_norm_eps": 1e-05,
          "rope_theta": 1000000.0,
          "hidden_act": "silu",
          "bos_token_id": 1,
          "eos_token_id": 2\(isQuantised ? Self.quantisation : "")
        }

        """
    }

    /// As models in the manner of DeepSeek V3 say it.
    private static let quantisation = """
        ,
          "quantization_config": {
            "activation_scheme": "dynamic",
            "fmt": "e4m3",
            "quant_method": "fp8",
            "weight_block_size": [
              \(BlockScales.size),
              \(BlockScales.size)
            ]
          }
        """

    private static let generationConfiguration = """
        {
          "_from_model_config": true,
          "bos_token_id": 1,
          "eos_token_id": 2
        }

        """

    private static let specialTokens = """
        {
          "bos_token": "<s>",
          "eos_token": "</s>",
          "unk_token": "<unk>"
        }

        """

    private static let tokenizerConfiguration = """
        {
          "tokenizer_class": "PreTrainedTokenizerFast",
          "bos_token": "<s>",
          "eos_token": "</s>",
          "unk_token": "<unk>"
        }

        """

    private static let tokenizer: String = {
        let letters = (0..<26).map { ", \"\(Character(Unicode.Scalar(UInt8(97 + $0))))\": \($0 + 3)" }
            .joined()
        return """
            {
              "version": "1.0",
              "model": {
                "type": "BPE",
                "unk_token": "<unk>",
                "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2\(letters)},
                "merges": []
              }
            }

            """
    }()
}
