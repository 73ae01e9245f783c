#!/usr/bin/env python3
"""Write what mergekit resolves the parameters of each tensor to, for the configs of the tests.

    pip install mergekit==0.1.5
    resolve_with_mergekit.py Tests/DellaTests/Resources/mergekit

Makes the tiny models that models.json and shapes.json describe in a temporary folder, lets mergekit plan each
config of rules/, methods/ and cards/ over them, and writes expected/NAME.json:

    {"rows": [{"models": [all in order], "base": NAME or null, "shared": {parameter: value},
               "terms": [{parameter: value} of each model, in order]}],
     "tensors": {name: row}}

Nothing is merged; no weight is read.
"""
import json, os, sys, tempfile
from pathlib import Path

import numpy as np
import yaml
from safetensors.numpy import save_file


def write_model(folder, shapes, spec):
    shape = shapes[spec["shape"]]
    config = json.loads(json.dumps(shape["config"]))

    def set_key(path, value):
        section = config
        for part in path[:-1]:
            section = section[part]
        section[path[-1]] = value

    set_key(shape["layers_key"], spec["layers"])
    tensors = shape["pre"] + shape["post"]
    for layer in range(spec["layers"]):
        tensors = tensors + [[f"{shape['stack']}{layer}.{n}", s] for n, s in shape["layer"]]
    if "vision_layers" in spec:
        set_key(shape["vision_layers_key"], spec["vision_layers"])
        for layer in range(spec["vision_layers"]):
            tensors = tensors + [[f"{shape['vision_stack']}{layer}.{n}", s] for n, s in shape["vision_layer"]]
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({n: np.zeros(s, np.float16) for n, s in tensors}, folder / "model.safetensors")


def resolve(path):
    import transformers
    from mergekit.architecture import get_architecture_info
    from mergekit.config import MergeConfiguration
    from mergekit.io.tasks import LoaderCache
    from mergekit.options import MergeOptions
    from mergekit.plan import MergePlanner

    options = MergeOptions()
    config = MergeConfiguration.model_validate(yaml.safe_load(path.read_text()))
    LoaderCache().setup(options=options)
    architecture = get_architecture_info(config, options)
    first = config.base_model or config.referenced_models()[0]
    out = transformers.AutoConfig.from_pretrained(first.model.path)
    slices = config.slices or next((m.slices for m in (config.modules or {}).values()), None)
    if slices:
        out.num_hidden_layers = sum(s.sources[0].layer_range[1] - s.sources[0].layer_range[0] for s in slices)
    planner = MergePlanner(config, architecture, options=options, out_model_config=out)
    planner._plan()
    rows, numbers, tensors = [], {}, {}
    for weight, task in planner._tensors:
        row = {
            "models": [str(m) for m in task.model_order],
            "base": str(task.base_model) if task.base_model in task.model_order else None,
            "shared": dict(task.parameters),
            "terms": [dict(task.input_parameters[m]) for m in task.model_order],
        }
        key = json.dumps(row)
        if key not in numbers:
            numbers[key] = len(rows)
            rows.append(row)
        tensors[weight.name] = numbers[key]
    return {"rows": rows, "tensors": tensors}


def dump(result):
    rows = ",\n  ".join(json.dumps(r) for r in result["rows"])
    tensors = ",\n  ".join(f"{json.dumps(k)}: {v}" for k, v in result["tensors"].items())
    return '{"rows": [\n  %s\n],\n"tensors": {\n  %s\n}}\n' % (rows, tensors)


def main():
    folder = Path(sys.argv[1]).resolve()
    shapes = json.loads((folder / "shapes.json").read_text())
    models = json.loads((folder / "models.json").read_text())
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)
        for name, spec in models.items():
            write_model(Path(temporary) / name, shapes, spec)
        (folder / "expected").mkdir(exist_ok=True)
        failed = []
        for path in [p for kind in ("rules", "methods", "cards") for p in sorted(folder.glob(kind + "/*.yml"))]:
            try:
                result = resolve(path)
            except Exception as error:
                failed.append(path.name)
                print(f"{path.name}: {type(error).__name__}: {error}", file=sys.stderr)
                continue
            (folder / "expected" / (path.stem + ".json")).write_text(dump(result))
            print(path.name, len(result["tensors"]), "tensors", len(result["rows"]), "rows")
        sys.exit(1 if failed else 0)


main()
