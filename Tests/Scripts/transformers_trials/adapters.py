"""Adapters that peft itself saved: what dellad makes of them is what merge_and_unload does."""
import copy

import torch
import transformers as t
from peft import LoraConfig, PeftModel, TaskType, get_peft_model

from .architectures import GROUPED, MODELS
from .trial import blend, check, opened, random_model, same, tuned

ATTENTION = ["q_proj", "v_proj"]
ALL = ATTENTION + ["k_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

ADAPTERS = {
    "two modules": ("llama", dict(r=4, lora_alpha=8, target_modules=ATTENTION)),
    "all modules, rank-stabilised": ("llama", dict(r=8, lora_alpha=16, target_modules=ALL, use_rslora=True)),
    "all-linear": ("mistral", dict(r=3, lora_alpha=5, target_modules="all-linear")),
    "a regular expression": ("qwen3", dict(r=4, target_modules=r".*layers\.1\..*(q|o)_proj")),
    "layers": ("llama", dict(r=4, target_modules=ATTENTION, layers_to_transform=[1])),
    "DoRA": ("llama", dict(r=4, lora_alpha=8, target_modules=ALL, use_dora=True)),
    "DoRA, rank-stabilised": ("qwen2, tied", dict(r=4, lora_alpha=8, target_modules=ALL, use_dora=True, use_rslora=True)),
    "patterns": ("llama", dict(
        r=4, lora_alpha=8, target_modules=ALL, rank_pattern={"q_proj": 8, r"layers.1.mlp.up_proj": 2},
        alpha_pattern={"v_proj": 32, r"^model.layers.0.self_attn.o_proj": 3})),
    "a saved head": ("llama", dict(r=4, target_modules=ATTENTION, modules_to_save=["lm_head"])),
    "a saved embedding": ("llama", dict(r=4, target_modules=ATTENTION, modules_to_save=["embed_tokens", "lm_head"])),
    "saved norms": ("llama", dict(r=4, target_modules=ATTENTION, modules_to_save=["input_layernorm"])),
    "an embedding's": ("llama", dict(r=4, lora_alpha=8, target_modules=ATTENTION + ["embed_tokens"])),
    "embedding and head": ("llama", dict(r=4, lora_alpha=8, target_modules=ATTENTION + ["embed_tokens", "lm_head"])),
    "biases": ("qwen2, tied", dict(r=4, target_modules=ATTENTION, bias="all")),
    "biases of its modules": ("qwen2, tied", dict(r=4, target_modules=ATTENTION, bias="lora_only")),
    "gpt2, inputs first": ("gpt2, tied", dict(r=4, lora_alpha=8, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)),
    "gpt-neox": ("gpt-neox", dict(r=4, target_modules=["query_key_value", "dense"])),
    "phi3": ("phi3", dict(r=4, target_modules=["qkv_proj", "gate_up_proj"])),
    "falcon": ("falcon, tied", dict(r=4, target_modules=["query_key_value", "dense_4h_to_h"])),
    "gemma3": ("gemma3", dict(r=4, target_modules=ALL)),
    "mixtral's attention": ("mixtral", dict(r=4, target_modules=ATTENTION)),
    "deepseek": ("deepseek-v3", dict(r=4, target_modules=["q_a_proj", "kv_b_proj", "o_proj"])),
    "mamba": ("mamba", dict(r=4, target_modules=["in_proj", "x_proj"])),
    "bert": ("bert", dict(r=4, target_modules=["query", "value", "dense"])),
    "a classifier's": ("bert, a classifier", dict(r=4, target_modules=["query", "value"], task_type=TaskType.SEQ_CLS)),
    "t5": ("t5", dict(r=4, target_modules=["q", "v", "wi_0"], task_type=TaskType.SEQ_2_SEQ_LM)),
    "whisper": ("whisper, tied", dict(r=4, target_modules=ATTENTION)),
    "bart": ("bart, tied", dict(r=4, target_modules=ATTENTION)),
    "whisper's convolutions": ("whisper, tied", dict(r=4, lora_alpha=8, target_modules=["conv1", "conv2", "fc1"])),
    "resnet's convolutions": ("resnet", dict(r=4, lora_alpha=8, target_modules=["convolution"])),
    "vit's patches": ("vit", dict(r=4, lora_alpha=8, target_modules=["projection", "q_proj"])),
    "vit": ("vit", dict(r=4, target_modules=["q_proj", "v_proj", "o_proj"], modules_to_save=["classifier"])),
    "vit, all": ("vit", dict(r=4, target_modules="all-linear")),
    "clip": ("clip", dict(r=4, target_modules=ATTENTION)),
    "llava": ("llava", dict(r=4, target_modules=ATTENTION)),
    "llava's language model": ("llava", dict(r=4, target_modules=r".*language_model.*\.(q|v)_proj")),
    "gemma3 with images": ("gemma3 with images", dict(r=4, target_modules=ALL)),
    "qwen2-vl": ("qwen2-vl", dict(r=4, target_modules=ATTENTION)),
}


def randomised(model, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name and "magnitude" not in name:
                parameter.copy_(torch.randn_like(parameter) * 0.1)
            elif "lora_magnitude" in name:
                parameter.mul_(1 + torch.rand_like(parameter) * 0.3)
            elif "modules_to_save" in name or name.endswith(".bias") and parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def one(trial, number, architecture, settings):
    kind, config, _ = MODELS[architecture]()
    base, adapter = f"base-{number}", f"adapter-{number}"
    random_model(lambda: kind(config), number).save_pretrained(trial.folder / base)
    model = opened(kind, trial.folder / base)
    plain = {name: value.clone() for name, value in model.state_dict().items()}
    wrapped = randomised(get_peft_model(model, LoraConfig(**settings)), 50 + number)
    wrapped.save_pretrained(trial.folder / adapter)
    right = PeftModel.from_pretrained(opened(kind, trial.folder / base), trial.folder / adapter).merge_and_unload()
    right = {name: value.clone() for name, value in right.state_dict().items()}
    check(any(not torch.equal(value, plain.get(name)) for name, value in right.items()), "the adapter changes nothing")

    output = trial.merge(f"merge_method: passthrough\ndtype: float32\nmodels: [{{model: {base}+{adapter}}}]\n")
    same(opened(kind, output).state_dict(), right, 2e-6)
    output = trial.merge(
        f"merge_method: task_arithmetic\nbase_model: {base}\ndtype: float32\n"
        f"models: [{{model: {base}+{adapter}, parameters: {{weight: 0.7}}}}]\n")
    same(opened(kind, output).state_dict(), blend([plain, right], [0.3, 0.7]), 3e-6)


def merged_beforehand(trial):
    """Two adapters on one base, and one as the base, beside a whole fine-tune; `.bin` as older versions of peft wrote."""
    kind, config, _ = MODELS["llama"]()
    random_model(lambda: kind(config), 7).save_pretrained(trial.folder / "base")
    tuned(opened(kind, trial.folder / "base"), 8).save_pretrained(trial.folder / "tune")
    states = {"tune": opened(kind, trial.folder / "tune").state_dict()}
    for number, (name, settings) in enumerate([("a", dict(r=4)), ("b", dict(r=6, use_rslora=True))]):
        model = get_peft_model(opened(kind, trial.folder / "base"), LoraConfig(**settings, target_modules=ALL))
        randomised(model, number).save_pretrained(trial.folder / name)
        states[name] = {k: v.clone() for k, v in model.merge_and_unload().state_dict().items()}
    from safetensors.torch import load_file
    tensors = load_file(trial.folder / "b" / "adapter_model.safetensors")
    (trial.folder / "b" / "adapter_model.safetensors").unlink()
    torch.save(tensors, trial.folder / "b" / "adapter_model.bin")
    output = trial.merge("""
merge_method: task_arithmetic
base_model: base+a
dtype: float32
models:
  - {model: base+b, parameters: {weight: 0.4}}
  - {model: tune, parameters: {weight: 0.5}}
""")
    expected = blend([states["a"], states["b"], states["tune"]], [0.1, 0.4, 0.5])
    same(opened(kind, output).state_dict(), expected, 3e-6)


def multiple(trial):
    """An adapter that peft trained beside others is in a folder of its name."""
    kind, config, _ = MODELS["llama"]()
    random_model(lambda: kind(config), 9).save_pretrained(trial.folder / "many-base")
    model = get_peft_model(
        opened(kind, trial.folder / "many-base"), LoraConfig(r=4, target_modules=ATTENTION), adapter_name="first")
    model.add_adapter("second", LoraConfig(r=8, target_modules=ALL, use_rslora=True))
    randomised(model, 3).save_pretrained(trial.folder / "many")
    model.set_adapter("second")
    right = copy.deepcopy(model).merge_and_unload(adapter_names=["second"]).state_dict()
    output = trial.merge(
        "merge_method: passthrough\ndtype: float32\nmodels: [{model: many-base+many/second}]\n")
    same(opened(kind, output).state_dict(), right, 2e-6)


def refused(trial):
    """What is not applied is refused by name, with the command that merges it."""
    from peft import IA3Config, LoHaConfig, VeraConfig
    kind, config, _ = MODELS["llama"]()
    random_model(lambda: kind(config), 11).save_pretrained(trial.folder / "refused-base")
    for name, settings in [
        ("IA3", IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"])),
        ("LOHA", LoHaConfig(r=4, target_modules=ATTENTION)),
        ("VERA", VeraConfig(r=4, target_modules=["q_proj", "o_proj"])),
        ("lora_bias", LoraConfig(r=4, target_modules=["lm_head"], lora_bias=True)),
        ("pissa", LoraConfig(r=4, target_modules=ATTENTION, init_lora_weights="pissa")),
        ("olora", LoraConfig(r=4, target_modules=ATTENTION, init_lora_weights="olora")),
        ("target_parameters", LoraConfig(r=4, target_modules=[], target_parameters=["q_proj.weight"])),
        ("trainable_token_indices", LoraConfig(r=4, target_modules=ATTENTION, trainable_token_indices=[1, 2])),
    ]:
        model = get_peft_model(opened(kind, trial.folder / "refused-base"), settings)
        model.save_pretrained(trial.folder / f"refused-{name}")
        said = trial.merge(
            f"merge_method: passthrough\nmodels: [{{model: refused-base+refused-{name}}}]\n", code=65)
        check(name in said and "merge_and_unload" in said, said)


def run(trial):
    for number, (name, (architecture, settings)) in enumerate(ADAPTERS.items()):
        trial.step(f"adapter, {name}", one, trial, number, architecture, settings)
    trial.step("several adapters", merged_beforehand, trial)
    trial.step("an adapter of several", multiple, trial)
    trial.step("other adapters", refused, trial)
