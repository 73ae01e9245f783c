"""Tiny random models of many architectures: merged, opened, compared with the same sums in torch."""
import torch
import transformers as t

from .trial import blend, check, opened, random_model, same, tuned

TEXT = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=96,
            max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)
GROUPED = dict(TEXT, num_key_value_heads=2, head_dim=8)
TOWER = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=16, patch_size=4)


def ids():
    return dict(input_ids=torch.tensor([[1, 5, 7, 9]]))


def pixels(size=16):
    return dict(pixel_values=torch.linspace(-1, 1, 3 * size * size).reshape(1, 3, size, size))


def text(kind, config, **settings):
    return lambda: (getattr(t, kind), getattr(t, config)(**settings), ids)


def encoder_decoder():
    return dict(ids(), decoder_input_ids=torch.tensor([[0, 3, 4]]))


def llava():
    config = t.LlavaConfig(
        vision_config=t.CLIPVisionConfig(**TOWER), text_config=t.LlamaConfig(**GROUPED), image_token_index=95,
        vision_feature_layer=-1)
    return t.LlavaForConditionalGeneration, config, ids


def gemma3_images():
    config = t.Gemma3Config(
        vision_config=t.SiglipVisionConfig(**TOWER), text_config=t.Gemma3TextConfig(**GROUPED, sliding_window=8),
        mm_tokens_per_image=4, boi_token_index=90, eoi_token_index=91, image_token_index=92)
    return t.Gemma3ForConditionalGeneration, config, ids


def qwen2_images():
    rope = dict(rope_type="default", mrope_section=[2, 1, 1], rope_theta=10000.0)
    config = t.Qwen2VLConfig(
        vision_config=dict(depth=2, embed_dim=32, hidden_size=32, num_heads=4, mlp_ratio=2, patch_size=4),
        text_config=dict(**{k: v for k, v in GROUPED.items() if k != "head_dim"}, rope_parameters=rope),
        image_token_id=95, video_token_id=94, vision_start_token_id=93, vision_end_token_id=92)
    return t.Qwen2VLForConditionalGeneration, config, ids


def qwen3_images():
    rope = dict(rope_type="default", mrope_section=[2, 1, 1], rope_theta=10000.0)
    config = t.Qwen3VLConfig(
        vision_config=dict(depth=2, hidden_size=32, num_heads=4, intermediate_size=64, out_hidden_size=32, patch_size=4,
                           deepstack_visual_indexes=[0]),
        text_config=dict(**GROUPED, rope_parameters=rope), image_token_id=95, video_token_id=94, vision_start_token_id=93,
        vision_end_token_id=92)
    return t.Qwen3VLForConditionalGeneration, config, ids


def mllama():
    config = t.MllamaConfig(
        vision_config=dict(
            hidden_size=32, num_hidden_layers=2, num_global_layers=1, attention_heads=4, intermediate_size=64,
            vision_output_dim=64, image_size=16, patch_size=4, intermediate_layers_indices=[0], max_num_tiles=2,
            supported_aspect_ratios=[[1, 1], [1, 2]]),
        text_config=dict(
            {k: v for k, v in GROUPED.items() if k != "head_dim"}, num_hidden_layers=3, cross_attention_layers=[1],
            rope_parameters=dict(rope_type="default", rope_theta=10000.0)),
        image_token_index=94)
    return t.MllamaForConditionalGeneration, config, ids


def paligemma():
    config = t.PaliGemmaConfig(
        vision_config=dict(TOWER, model_type="siglip_vision_model"), text_config=dict(GROUPED, model_type="gemma"),
        image_token_index=95, projection_dim=32)
    return t.PaliGemmaForConditionalGeneration, config, ids


def dinov2():
    config = t.Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, image_size=16, patch_size=4)
    return t.Dinov2ForImageClassification, config, pixels


def clip():
    config = t.CLIPConfig(
        text_config=dict(TEXT, eos_token_id=2, projection_dim=16), vision_config=dict(TOWER, projection_dim=16),
        projection_dim=16)
    return t.CLIPModel, config, lambda: dict(input_ids=torch.tensor([[1, 5, 7, 2]]), **pixels())


def whisper():
    config = t.WhisperConfig(
        vocab_size=96, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=8, max_source_positions=16,
        max_target_positions=16, decoder_start_token_id=1, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        suppress_tokens=None, begin_suppress_tokens=None)
    inputs = lambda: dict(
        input_features=torch.linspace(-1, 1, 8 * 32).reshape(1, 8, 32), decoder_input_ids=torch.tensor([[1, 4]]))
    return t.WhisperForConditionalGeneration, config, inputs


def t5(tied):
    config = lambda: t.T5Config(
        vocab_size=96, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_decoder_layers=3, num_heads=4,
        feed_forward_proj="relu" if tied else "gated-gelu", tie_word_embeddings=tied, decoder_start_token_id=0)
    return lambda: (t.T5ForConditionalGeneration, config(), encoder_decoder)


def bart():
    config = t.BartConfig(
        vocab_size=96, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64)
    return t.BartForConditionalGeneration, config, encoder_decoder


def vit():
    return t.ViTForImageClassification, t.ViTConfig(**TOWER, num_labels=5), pixels


def resnet():
    config = t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=5)
    return t.ResNetForImageClassification, config, lambda: pixels(32)


def wav2vec2():
    config = t.Wav2Vec2Config(
        vocab_size=32, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        conv_dim=(16, 16), conv_stride=(5, 2), conv_kernel=(10, 3), num_feat_extract_layers=2,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4)
    return t.Wav2Vec2ForCTC, config, lambda: dict(input_values=torch.linspace(-1, 1, 400).reshape(1, 400))


DEEPSEEK = dict(
    TEXT, num_key_value_heads=4, n_routed_experts=4, num_experts_per_tok=2, n_group=1, topk_group=1, n_shared_experts=1,
    first_k_dense_replace=1, moe_intermediate_size=16, kv_lora_rank=8, q_lora_rank=8, qk_rope_head_dim=4,
    qk_nope_head_dim=4, v_head_dim=8)
MAMBA = dict(hidden_size=32, vocab_size=96, num_hidden_layers=2, state_size=4, time_step_rank=4)

MODELS = {
    "llama": text("LlamaForCausalLM", "LlamaConfig", **GROUPED),
    "llama, tied": text("LlamaForCausalLM", "LlamaConfig", **GROUPED, tie_word_embeddings=True),
    "mistral": text("MistralForCausalLM", "MistralConfig", **GROUPED),
    "qwen2, tied": text("Qwen2ForCausalLM", "Qwen2Config", **GROUPED, tie_word_embeddings=True),
    "qwen3": text("Qwen3ForCausalLM", "Qwen3Config", **GROUPED),
    "gemma2, tied": text("Gemma2ForCausalLM", "Gemma2Config", **GROUPED),
    "gemma3": text("Gemma3ForCausalLM", "Gemma3TextConfig", **GROUPED, sliding_window=8),
    "phi3": text("Phi3ForCausalLM", "Phi3Config", **TEXT, num_key_value_heads=2),
    "mixtral": text("MixtralForCausalLM", "MixtralConfig", **GROUPED, num_local_experts=4, num_experts_per_tok=2),
    "qwen3-moe": text("Qwen3MoeForCausalLM", "Qwen3MoeConfig", **GROUPED, num_experts=4, num_experts_per_tok=2,
                      moe_intermediate_size=16),
    "deepseek-v3": text("DeepseekV3ForCausalLM", "DeepseekV3Config", **DEEPSEEK),
    "gpt-oss": text("GptOssForCausalLM", "GptOssConfig", **GROUPED, num_local_experts=4, num_experts_per_tok=2,
                    sliding_window=8),
    "llama4": text("Llama4ForCausalLM", "Llama4TextConfig", **GROUPED, num_local_experts=4, intermediate_size_mlp=64,
                   attention_chunk_size=16),
    "jamba": text("JambaForCausalLM", "JambaConfig", **{k: v for k, v in GROUPED.items() if k != "head_dim"},
                  num_experts=2, num_experts_per_tok=1, mamba_d_state=4, mamba_dt_rank=4, use_mamba_kernels=False,
                  attn_layer_period=2, attn_layer_offset=1, expert_layer_period=2, expert_layer_offset=1),
    "gpt-neox": text("GPTNeoXForCausalLM", "GPTNeoXConfig", **TEXT),
    "gpt2, tied": text("GPT2LMHeadModel", "GPT2Config", n_embd=32, n_layer=2, n_head=4, n_positions=64, vocab_size=96,
                       bos_token_id=1, eos_token_id=2),
    "falcon, tied": text("FalconForCausalLM", "FalconConfig", hidden_size=32, num_hidden_layers=2,
                         num_attention_heads=4, vocab_size=96, bos_token_id=1, eos_token_id=2),
    "bloom, tied": text("BloomForCausalLM", "BloomConfig", hidden_size=32, n_layer=2, n_head=4, vocab_size=96),
    "opt, tied": text("OPTForCausalLM", "OPTConfig", hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                      ffn_dim=64, vocab_size=96, max_position_embeddings=64, word_embed_proj_dim=32),
    "olmo2": text("Olmo2ForCausalLM", "Olmo2Config", **{k: v for k, v in GROUPED.items() if k != "head_dim"}),
    "stablelm": text("StableLmForCausalLM", "StableLmConfig", **TEXT, num_key_value_heads=2),
    "mamba": text("MambaForCausalLM", "MambaConfig", **MAMBA),
    "bert": text("BertForMaskedLM", "BertConfig", **TEXT),
    "bert, a classifier": text("BertForSequenceClassification", "BertConfig", **TEXT, num_labels=3),
    "roberta": text("RobertaForMaskedLM", "RobertaConfig", **TEXT),
    "deberta": text("DebertaV2ForSequenceClassification", "DebertaV2Config", **TEXT, num_labels=3,
                    relative_attention=True, pos_att_type=["p2c", "c2p"]),
    "t5, tied": t5(True),
    "t5": t5(False),
    "bart, tied": bart,
    "whisper, tied": whisper,
    "wav2vec2": wav2vec2,
    "vit": vit,
    "dinov2": dinov2,
    "resnet": resnet,
    "clip": clip,
    "llava": llava,
    "gemma3 with images": gemma3_images,
    "qwen2-vl": qwen2_images,
    "qwen3-vl": qwen3_images,
    "mllama": mllama,
    "paligemma": paligemma,
}

METHODS = [
    "merge_method: della\nparameters: {density: 0.6, epsilon: 0.2}",
    "merge_method: slerp\nparameters: {t: 0.4}",
    "merge_method: ties\nparameters: {density: 0.6}",
    "merge_method: dare_ties\nparameters: {density: 0.7}",
    "merge_method: della_linear\nparameters: {density: 0.6, epsilon: 0.1}",
    "merge_method: breadcrumbs\nparameters: {density: 0.9, gamma: 0.02}",
]


def config(base, method, terms, extra=""):
    models = "\n".join(
        f"  - {{model: {name}, parameters: {{weight: {weight}}}}}" for name, weight in terms)
    return f"{method}\nbase_model: {base}\ndtype: float32\n{extra}models:\n{models}\n"


def forward(model, inputs):
    with torch.no_grad():
        output = model(**inputs())
    check(all(torch.isfinite(value).all() for value in output.values() if torch.is_tensor(value) and
              value.is_floating_point()), "the output is not finite")
    return output


def one(trial, number, name, make):
    kind, settings, inputs = make()
    folder = f"architecture-{number}"
    base = random_model(lambda: kind(settings), number)
    one, two = tuned(base, 100 + number), tuned(base, 200 + number)
    for model, part in [(base, "base"), (one, "one"), (two, "two")]:
        model.save_pretrained(trial.folder / f"{folder}-{part}")
    # As saved and opened again: what a fresh model has besides is no part of a checkpoint.
    base, one, two = [opened(kind, trial.folder / f"{folder}-{part}") for part in ("base", "one", "two")]
    states = [model.state_dict() for model in (base, one, two)]
    names = [f"{folder}-{part}" for part in ("base", "one", "two")]

    def merged(text, expected=None):
        model = opened(kind, trial.merge(text), base)
        forward(model, inputs)
        if expected is not None:
            same(model.state_dict(), expected)

    merged(config(names[0], "merge_method: linear", zip(names, [0.2, 0.5, 0.3])), blend(states, [0.2, 0.5, 0.3]))
    merged(config(names[0], "merge_method: task_arithmetic", zip(names[1:], [0.5, 0.8]), "dellad: {shard_size: 50KB}\n"),
           blend(states, [-0.3, 0.5, 0.8]))
    method = METHODS[number % len(METHODS)]
    terms = zip(names[:2], [0.5, 0.5]) if "slerp" in method else zip(names[1:], [0.5, 0.8])
    merged(config(names[0], method, terms))


def run(trial):
    for number, (name, make) in enumerate(MODELS.items()):
        trial.step(name, one, trial, number, name, make)
