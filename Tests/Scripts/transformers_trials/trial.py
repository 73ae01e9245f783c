"""Running dellad, and noting what was not as it should be."""
import copy, json, re, subprocess, traceback
from pathlib import Path

import torch


class Failed(Exception):
    pass


class Trial:
    """A temporary folder of models, the program, and what went wrong."""

    def __init__(self, dellad, folder):
        self.dellad, self.folder = dellad, Path(folder)
        self.count, self.failures, self.outputs = 0, [], 0

    def step(self, name, body, *arguments):
        """Runs one check; what it throws is noted, and the next one runs."""
        self.count += 1
        try:
            body(*arguments)
        except Exception as error:
            text = str(error) if isinstance(error, Failed) else traceback.format_exc()
            self.failures.append(f"{name}: {text}")
            print(f"open-with-transformers: {name}: {text}", flush=True)

    def run(self, *arguments, code=0):
        done = subprocess.run([self.dellad, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != code:
            raise Failed(f"dellad {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout + done.stderr

    def merge(self, config, code=0):
        """Merges into a new folder, whose path it returns; of a failure, what was said."""
        self.outputs += 1
        path, output = self.folder / f"merge-{self.outputs}.yml", self.folder / f"out-{self.outputs}"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        said = self.run("merge", path, output, "--models", self.folder, "--memory", "64M", code=code)
        return said if code else output


def check(condition, text):
    if not condition:
        raise Failed(text)


def random_model(make, seed):
    """A model whose every parameter is random: fresh ones have zeros and ones where a merge would show nothing."""
    torch.manual_seed(seed)
    model = make().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.add_(torch.randn_like(parameter) * 0.02)
    return model


def tuned(model, seed, scale=0.02):
    torch.manual_seed(seed)
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            if parameter.is_floating_point():
                parameter.add_(torch.randn_like(parameter) * scale)
    return other


def opened(kind, path, reference=None, **settings):
    """The model of a folder, which has all keys and no others."""
    model, info = kind.from_pretrained(path, output_loading_info=True, **settings)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        check(not info[what], f"{path.name}: {what} {sorted(map(str, info[what]))[:8]}")
    for name, value in model.state_dict().items():
        check(not value.is_floating_point() or torch.isfinite(value).all(), f"{name} is not finite")
    if reference is not None:
        check(type(model) is type(reference), f"{type(model)} in place of {type(reference)}")
    return model.eval()


def same(found, expected, tolerance=1e-6):
    """That two state dictionaries agree to `tolerance` of the largest value of each tensor, or of 0.01 where all are small."""
    check(found.keys() == expected.keys(), f"tensors differ: {sorted(found.keys() ^ expected.keys())[:8]}")
    for name, right in expected.items():
        value = found[name]
        check(value.shape == right.shape, f"{name}: {tuple(value.shape)}, not {tuple(right.shape)}")
        if not right.is_floating_point():
            check(torch.equal(value, right), f"{name} differs")
            continue
        right, value = right.double(), value.double()
        bound = tolerance * max(right.abs().max().item() if right.numel() else 0, 1e-2)
        error = (value - right).abs().max().item() if right.numel() else 0
        check(error <= bound, f"{name} differs by {error:.3g}, more than {bound:.3g}")


def blend(states, weights):
    """The weighted sum of state dictionaries, in double precision; what is no number is the first's."""
    return {
        name: sum(weight * state[name].double() for state, weight in zip(states, weights))
        if value.is_floating_point() else value
        for name, value in states[0].items()
    }
