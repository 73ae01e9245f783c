"""Random adapters that peft saved: what dellad makes of them is what merge_and_unload does, or both refuse them.

TEST_ADAPTER_SECONDS says how long (15), TEST_ADAPTER_SEED which case comes first; a seed with SECONDS=0 is one case.
"""
import collections, json, os, random, re, shutil, subprocess, sys, time, warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer

from .adapter_draws import Names, edit, lora_settings
from .adapters import randomised
from .architectures import MODELS
from .trial import check, opened, random_model, same

# What peft merges and dellad refuses, by its messages: each is in docs/config.md.
DOCUMENTED = [
    "is not applied", "init_lora_weights is", "which is not matched here", "do not fit the base's .*merge_and_unload",
    "head is its embedding", r"embed_tokens\S* fits no tensor", "lora_alpha is no number", "has no lora_magnitude_vector", "_pattern of .* is no number",
    "is neither true nor false", "is no number in float32", "r is no rank",
]
# What peft refuses and dellad takes, by peft's words: what it means is plain. Each is in docs/config.md, but for the last,
# which is peft's own mistake.
LENIENT = ["KeyError: 'peft_type'", "'NoneType' object has no attribute 'keys'", "found element of type float",
           "'NoneType' object has no attribute 'endswith'"]


class Case:
    """One adapter with its base, in a folder of the trial's."""

    def __init__(self, trial, seed):
        self.trial, self.seed = trial, seed
        self.random = random.Random(seed)
        self.folder = trial.folder / f"case-{seed}"
        self.edits, self.settings, self.said = [], {}, ""
        self.architecture = self.random.choice(list(MODELS))
        self.kind, self.config, _ = MODELS[self.architecture]()

    def __str__(self):
        return f"{self.architecture}, {self.settings}, edits {self.edits}"

    def make_base(self):
        self.dtype = self.random.choice([torch.float32, torch.bfloat16, torch.float16])
        model = random_model(lambda: self.kind(self.config), self.seed).to(self.dtype)
        model.save_pretrained(
            self.folder / "base", max_shard_size=self.random.choice(["50KB", "5GB"]))

    def opened(self):
        return opened(self.kind, self.folder / "base", dtype=torch.float32)

    def make_adapter(self):
        """Draws settings until peft takes them, and saves what it makes of them."""
        model = self.opened()
        self.names = Names(model)
        for _ in range(20):
            self.settings = lora_settings(self.random, self.names)
            name = self.random.choice(["default", "default", "other", "a.b"])
            try:
                wrapped = get_peft_model(model, LoraConfig(**self.settings), adapter_name=name)
                # Not those that are asked for tokens' rows of a model without an embedding.
                get_peft_model_state_dict(wrapped, adapter_name=name)
                break
            except Exception:
                model = self.opened()
        else:
            return False
        randomised(wrapped, self.seed)
        dtype = self.random.choice([torch.float32, torch.float32, torch.bfloat16, torch.float16])
        for parameter_name, parameter in wrapped.named_parameters():
            if "lora_" in parameter_name or "modules_to_save" in parameter_name:
                parameter.data = parameter.data.to(dtype)
        wrapped.save_pretrained(self.folder / "adapter", safe_serialization=self.random.random() < 0.8)
        self.adapter = self.folder / "adapter" / ("" if name == "default" else name)
        if self.random.random() < 0.5:
            path = self.adapter / "adapter_config.json"
            self.edits, text = edit(self.random, json.loads(path.read_text()), self.names)
            path.write_text(text)
        return True

    def by_peft(self):
        """The state dictionary that peft makes, and the names of what was adapted; of a refusal, its words."""
        plain = self.opened()
        try:
            model = PeftModel.from_pretrained(plain, self.adapter)
            adapted = {
                name.removeprefix("base_model.model.") for name, module in model.named_modules()
                if isinstance(module, BaseTunerLayer)}
            merged = model.merge_and_unload()
        except Exception as error:
            return None, f"{type(error).__name__}: {error}"
        return {name: value.clone() for name, value in merged.state_dict().items()}, adapted

    def by_dellad(self):
        """The exit code and what was said."""
        config = self.folder / "merge.yml"
        model = f"base+{self.adapter.relative_to(self.folder)}"
        config.write_text(f"merge_method: passthrough\ndtype: float32\nmodels: [{{model: '{model}'}}]\n")
        self.trial.outputs += 1
        done = subprocess.run(
            [self.trial.dellad, "merge", config, self.folder / "out", "--models", self.folder, "--memory", "64M"],
            capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def compared(self, right, adapted, said):
        model = opened(self.kind, self.folder / "out")
        found, plain = model.state_dict(), self.opened().state_dict()
        shapes = {right[f"{name}.weight"].shape for name in adapted if f"{name}.weight" in right}
        if "inputs first" in self.edits and all(len(shape) == 2 and shape[0] == shape[1] for shape in shapes):
            # No shape tells, and dellad goes by fan_in_fan_out, which peft sets right by the layer's class.
            return "of squares alone, and fan_in_fan_out wrong"
        if "peft leaves it out" in said:
            return "merged with a warning"
        adapted = self.tie(found, right, plain, said) | {f"{name}.weight" for name in adapted}
        same(found, right, 3e-6)
        for name, value in right.items():
            if name not in adapted and value.is_floating_point():
                check(torch.equal(found[name], value), f"{name} is not adapted, and has other bytes")
        return "merged" if any(not torch.equal(value, plain.get(name)) for name, value in right.items()) else "unchanged"

    def tie(self, found, right, plain, said):
        """Of tensors that are one in the file peft may change one: what it gives is none that could be saved.

        Returns the names of those that are one with another.
        """
        groups = collections.defaultdict(list)
        for name, value in found.items():
            groups[value.data_ptr()].append(name)
        for names in groups.values():
            changed = [name for name in names if not torch.equal(right[name], plain[name])]
            if changed and any(not torch.equal(right[name], right[changed[0]]) for name in names):
                check("is the head too" in said, f"{names} are one, and no warning says so: {said}")
                for name in names:
                    right[name] = right[changed[0]]
        return {name for names in groups.values() if len(names) > 1 for name in names}

    def outcome(self):
        self.make_base()
        if not self.make_adapter():
            return "no settings that peft takes"
        right, adapted = self.by_peft()
        code, said = self.by_dellad()
        self.said = said if right is not None else f"{said}peft: {adapted}"
        if code:
            check(code in (65, 66) and "adapter" in said, f"dellad ended with {code}:\n{said}\npeft: {adapted}")
            if right is None:
                return "refused by both"
            check(any(re.search(text, said) for text in DOCUMENTED), f"peft merges it, and dellad says:\n{said}")
            return "refused by dellad"
        if right is None:
            kept = [text for text in LENIENT if text in adapted]
            check(kept or "peft" in said, f"peft refuses it, and dellad merges:\n{adapted}\n{said}")
            return "refused by peft"
        return self.compared(right, adapted, said)


def one(trial, seed, tally):
    case = Case(trial, seed)
    try:
        outcome = case.outcome()
        tally[outcome] += 1
        if os.environ.get("TEST_ADAPTER_VERBOSE"):
            print(seed, outcome, case, case.said, flush=True)
    except Exception:
        print(f"open-with-transformers: TEST_ADAPTER_SEED={seed} TEST_ADAPTER_SECONDS=0: {case}", flush=True)
        tally["wrong"] += 1
        raise
    finally:
        shutil.rmtree(case.folder, ignore_errors=True)


def run(trial):
    given = os.environ.get("TEST_ADAPTER_SEED")
    first = int(given) if given else random.Random(os.environ.get("DELLAD_TEST_SEED") or None).randrange(10 ** 9)
    end = time.monotonic() + float(os.environ.get("TEST_ADAPTER_SECONDS") or 15)
    print(f"open-with-transformers: random_adapters: TEST_ADAPTER_SEED={first}", flush=True)
    seed, tally = first, collections.Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while True:
            trial.step(f"adapter {seed}", one, trial, seed, tally)
            seed += 1
            if time.monotonic() >= end:
                break
    print("open-with-transformers: random_adapters: " + ", ".join(f"{n} {name}" for name, n in tally.most_common()))
