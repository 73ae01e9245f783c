/// What is known of how programs and their versions call the same tensors.
///
/// Sources: `base_model_prefix` and `_checkpoint_conversion_mapping` of the models of transformers, 4.52 and 5, and its
/// `conversion_mapping.py`; the wrappers of torch, peft and DeepSpeed.
enum KnownNames {
    /// What training programs put in front of every name, several of them in any order.
    static let wrappers = [
        "module.", "_orig_mod.", "_forward_module.", "_fsdp_wrapped_module.", "base_model.model.",
    ]

    /// What may stand before a text model's names. Beside these, anything may stand in front on one side only.
    static let bodies: Set<String> = [
        "model.", "transformer.", "bert.", "roberta.", "gpt_neox.", "backbone.", "llm.", "text_model.",
        "language_model.", "language_model.model.", "model.language_model.", "model.language_model.model.",
        "text_model.model.", "model.text_model.", "thinker.model.", "model._orig_mod.",
        "language_model.transformer.",
        "model.model.", "distilbert.", "electra.", "deberta.", "albert.", "mpnet.", "esm.",
    ]

    /// What is beside the text model in a multimodal one: a component of a name, or a part of one.
    static let partWords = [
        "vision", "visual", "audio", "image", "video", "speech", "projector", "resampler", "perceiver",
        "connector", "qformer", "vqmodel",
    ]
    /// As `partWords`, whole components.
    static let parts: Set<Substring> = [
        "talker", "token2wav", "code2wav", "query_tokens", "language_projection", "mlp1", "vpm", "apm",
        "img_processor", "img_projection",
    ]
    /// What may stand before such a part.
    static let partPlaces = ["", "model.", "thinker.", "model.model."]
    /// What may stand between a part and its tensors: the class of the tower.
    static let partClasses = ["", ".vision_model", ".timm_model"]

    /// A language model's head, before its own parts.
    static let heads: Set<Substring> = ["lm_head", "embed_out"]
    /// What may stand before a head.
    static let headPlaces = [
        "", "language_model.", "model.language_model.", "text_model.", "model.text_model.", "thinker.",
        "model.",
    ]

    /// Ends of names that mean the same: as old versions have them, and new ones.
    static let endings: [(old: String, new: String)] = [
        ("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"),
        (".weight_g", ".parametrizations.weight.original0"),
        (".weight_v", ".parametrizations.weight.original1"),
    ]
}
