"""Checkpoints as torch.save writes them: merged, the values are those of the models."""
import json

import torch

from .architectures import MODELS, forward
from .trial import blend, check, opened, random_model, same, tuned


def states_of(trial, name, architecture, dtype):
    kind, config, inputs = MODELS[architecture]()
    base = random_model(lambda: kind(config), 3)
    models = {}
    for part, model in [("base", base), ("tune", tuned(base, 4))]:
        folder = trial.folder / f"{name}-{part}"
        model.to(dtype).save_pretrained(folder)
        models[part] = opened(kind, folder)
    return kind, inputs, models


def saved(folder, model, style):
    """Puts `.bin` files in place of a folder's safetensors."""
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    # As a model has them: tied tensors share a storage, buffers are among them.
    state = model.state_dict()
    if style == "parameters":
        state = {**state, **dict(model.named_parameters(remove_duplicate=False))}
    elif style == "one storage":
        sizes = [value.numel() for value in state.values()]
        whole = torch.cat([value.reshape(-1).to(next(iter(state.values())).dtype) for value in state.values()])
        state = {name: part.reshape(value.shape)
                 for (name, value), part in zip(state.items(), whole.split(sizes))}
    elif style == "nested":
        state = {"state_dict": state}
    if style == "sharded":
        names = list(state)
        groups = [names[part::3] for part in range(3)]
        files = [f"pytorch_model-{part + 1:05}-of-00003.bin" for part in range(3)]
        for group, file in zip(groups, files):
            torch.save({name: state[name].clone() for name in group}, folder / file)
        index = {"metadata": {}, "weight_map": {name: file for group, file in zip(groups, files) for name in group}}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
        return
    torch.save(state, folder / "pytorch_model.bin")


def one(trial, number, architecture, style, dtype):
    kind, inputs, models = states_of(trial, f"torch-{number}", architecture, dtype)
    for part, model in models.items():
        saved(trial.folder / f"torch-{number}-{part}", model, style)
    states = [model.float().state_dict() for model in models.values()]
    output = trial.merge(f"""
merge_method: linear
dtype: float32
models:
  - {{model: torch-{number}-base, parameters: {{weight: 0.25}}}}
  - {{model: torch-{number}-tune, parameters: {{weight: 0.75}}}}
""")
    check((output / "model.safetensors").exists(), "no safetensors were written")
    model = opened(kind, output)
    same(model.state_dict(), blend(states, [0.25, 0.75]))
    forward(model, inputs)


def refused(trial):
    """What cannot be read in place is refused with the command that converts it."""
    _, _, models = states_of(trial, "refused", "llama", torch.float32)
    state = models["tune"].state_dict()
    path = trial.folder / "refused-tune" / "pytorch_model.bin"
    for part in trial.folder.glob("refused-tune/*.safetensors"):
        part.unlink()
    config = "merge_method: linear\nmodels: [{model: refused-base, parameters: {weight: 1}}, " \
             "{model: refused-tune, parameters: {weight: 1}}]\n"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    said = trial.merge(config, code=65)
    check("refused-tune" in said and "format before version 1.6" in said and "weights_only=True" in said, said)
    state["model.layers.0.self_attn.q_proj.weight"] = state["model.layers.0.self_attn.q_proj.weight"].t()
    torch.save(state, path)
    said = trial.merge(config, code=65)
    check("q_proj" in said and "contiguous" in said, said)
    torch.save(models["tune"], path)
    said = trial.merge(config, code=65)
    check("LlamaForCausalLM" in said, said)


def run(trial):
    cases = [
        ("llama", "plain", torch.float32), ("llama", "sharded", torch.bfloat16), ("mistral", "parameters", torch.float16),
        ("gpt2, tied", "plain", torch.float32), ("gpt2, tied", "sharded", torch.float16), ("t5, tied", "plain", torch.float32),
        ("bart, tied", "plain", torch.float32), ("bert", "plain", torch.float32), ("whisper, tied", "parameters", torch.float32),
        ("llama", "one storage", torch.float32), ("gpt-neox", "nested", torch.float32), ("resnet", "plain", torch.float32),
        ("clip", "plain", torch.bfloat16), ("mixtral", "sharded", torch.float32), ("llava", "plain", torch.float32),
    ]
    for number, (architecture, style, dtype) in enumerate(cases):
        trial.step(f"torch.save, {architecture}, {style}", one, trial, number, architecture, style, dtype)
    trial.step("torch.save, refused", refused, trial)
