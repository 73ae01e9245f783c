"""Models in 8 bits, as DeepSeek V3 and compressed-tensors write them: merged as their values."""
import json

import torch
from safetensors.torch import load_file, save_file

from .architectures import MODELS, forward
from .trial import check, opened, random_model, same, tuned

LARGEST = 448.0


def by_block(weight, rows=128, columns=128):
    """The weight in 8 bits, the scale of each block, and the values that they say."""
    height, width = weight.shape
    scales = torch.zeros((height + rows - 1) // rows, (width + columns - 1) // columns)
    small = torch.zeros(height, width, dtype=torch.float8_e4m3fn)
    values = torch.zeros(height, width)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            part = (slice(i * rows, (i + 1) * rows), slice(j * columns, (j + 1) * columns))
            scales[i, j] = weight[part].abs().max() / LARGEST
            small[part] = (weight[part] / scales[i, j]).to(torch.float8_e4m3fn)
            values[part] = small[part].float() * scales[i, j]
    return small, scales, values


def quantise(path, grain, block=(128, 128)):
    """Rewrites a folder's linear weights; returns the values they stand for, by name in the file."""
    tensors, values = load_file(path / "model.safetensors"), {}
    for name, weight in list(tensors.items()):
        values[name] = weight.float()
        if not name.endswith("_proj.weight"):
            continue
        if grain == "block":
            tensors[name], tensors[name + "_scale_inv"], values[name] = by_block(weight.float(), *block)
            continue
        scale = weight.float().abs().amax(dim=1, keepdim=True) if grain == "row" else weight.float().abs().max()
        scale = scale / LARGEST
        tensors[name] = (weight.float() / scale).to(torch.float8_e4m3fn)
        tensors[name + "_scale"] = scale
        values[name] = tensors[name].float() * scale
    save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((path / "config.json").read_text())
    config["quantization_config"] = (
        {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": list(block)}
        if grain == "block" else
        {"quant_method": "compressed-tensors", "format": "float-quantized", "ignore": ["lm_head"], "config_groups": {}})
    (path / "config.json").write_text(json.dumps(config))
    return values


def one(trial, number, architecture, grain, dtype, quantised):
    kind, config, inputs = MODELS[architecture]()
    if architecture == "llama":
        # Blocks that end in the middle.
        config.hidden_size, config.intermediate_size, config.head_dim = 160, 288, 40
    base = random_model(lambda: kind(config), number)
    values = []
    for part, model in [("base", base), ("tune", tuned(base, 5))]:
        folder = trial.folder / f"fp8-{number}-{part}"
        model.to(torch.bfloat16).save_pretrained(folder)
        block = (32, 64) if number % 2 else (128, 128)
        values.append(quantise(folder, grain, block) if part in quantised else
                      {name: value.float() for name, value in load_file(folder / "model.safetensors").items()})
    output = trial.merge(f"""
merge_method: task_arithmetic
base_model: fp8-{number}-base
dtype: {dtype}
models:
  - {{model: fp8-{number}-tune, parameters: {{weight: 0.5}}}}
""")
    written = load_file(output / "model.safetensors")
    expected = {name: 0.5 * (values[0][name].double() + values[1][name].double()) for name in values[0]}
    check("quantization_config" not in json.loads((output / "config.json").read_text()), "the output is no longer quantised")
    check({value.dtype for value in written.values()} == {getattr(torch, dtype)}, "of another type")
    # A merge in bfloat16 rounds what it reads.
    same({name: value.float() for name, value in written.items()}, {name: value.float() for name, value in expected.items()},
         1e-6 if dtype == "float32" else 2 ** -7)
    forward(opened(kind, output, dtype=torch.float32), inputs)


def run(trial):
    for number, case in enumerate([
        ("llama", "block", "float32", ("base", "tune")), ("llama", "block", "bfloat16", ("base", "tune")),
        ("llama", "block", "float32", ("tune",)), ("llama", "block", "float32", ("base",)),
        ("llama", "row", "float32", ("base", "tune")), ("llama", "tensor", "float32", ("base", "tune")),
        ("deepseek-v3", "block", "float32", ("base", "tune")), ("qwen3-moe", "block", "float32", ("tune",)),
    ]):
        trial.step(f"8 bits, {', '.join(map(str, case))}", one, trial, number, *case)
