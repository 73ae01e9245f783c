"""What peft takes, drawn at random: settings of LoraConfig, and edits of the adapter_config.json that it saved."""
import json

import torch
from transformers.pytorch_utils import Conv1D

LINEAR = (torch.nn.Linear, Conv1D)


class Names:
    """A model's modules, as settings may name them."""

    def __init__(self, model):
        modules = [(name, module) for name, module in model.named_modules() if name]
        self.linear = [name for name, module in modules if isinstance(module, LINEAR)]
        self.embeddings = [name for name, module in modules if isinstance(module, torch.nn.Embedding)]
        self.others = [
            name for name, module in modules
            if not isinstance(module, LINEAR) and not any(True for _ in module.children())
            and any(True for _ in module.parameters())]
        self.inputs_first = any(isinstance(module, Conv1D) for _, module in modules)
        self.convolutions = [
            name for name, module in modules if isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d))]


def ending(random, name, most=3):
    """The last parts of a module's name."""
    parts = name.split(".")
    return ".".join(parts[-random.randint(1, min(most, len(parts))):])


def layered(random, name):
    """A regular expression of some of the layers that have a module of that name."""
    parts = name.split(".")
    last = random.choice([parts[-1], f"({parts[-1]})", f"{parts[-1][0]}.*"])
    layer = next((part for part in parts if part.isdigit()), None)
    if layer is None:
        return r".*\." + last
    return random.choice([
        rf".*\.{layer}\..*{last}", rf".*\.[{layer}-9]\..*{last}", rf".*\.({layer}|7)\..*\.{last}",
        rf".*\.\d+\..*{last}", rf".*\.{layer}\.\w+\.{last}"])


def pattern(random, names):
    """A key of rank_pattern or alpha_pattern: of a module, of several, of one by chance, of none."""
    name, other = random.choice(names), random.choice(names)
    last, another = name.split(".")[-1], other.split(".")[-1]
    return random.choice([
        lambda: last, lambda: last, lambda: ending(random, name), lambda: name,
        lambda: "^" + name, lambda: name.replace(".", r"\."), lambda: rf"^{name}$",
        lambda: layered(random, name), lambda: f"{last}|{another}", lambda: f"({last}|{another})",
        lambda: rf".*\.({last}|{another})$", lambda: f"[{last[0]}{another[0]}]{last[1:]}",
        # A dot is any character, and the whole of an end must match.
        lambda: ending(random, name).replace("_", "."), lambda: last[:-1] + ".", lambda: last[1:], lambda: last[:-1],
        lambda: "x" + last, lambda: last + "?", lambda: r"\w+", lambda: ".*", lambda: last.upper(),
        lambda: name.replace(".", "..", 1), lambda: "base_model.model." + name, lambda: name + ".weight",
        lambda: f"(?i){last.upper()}", lambda: f"(?:{last})", lambda: rf"{last}\b", lambda: f"{last[:3]}.+",
    ])()


def targets(random, names):
    """Settings that say which modules are adapted."""
    pool = names.linear + (names.embeddings if random.random() < 0.3 else [])
    if random.random() < 0.02:
        pool = pool + names.convolutions
    chosen = random.sample(pool, min(len(pool), random.randint(1, 4)))
    way = random.random()
    if way < 0.1:
        settings = dict(target_modules="all-linear")
    elif way < 0.3:
        settings = dict(target_modules="|".join(
            layered(random, name) if random.random() < 0.7 else f".*{ending(random, name)}" for name in chosen))
    else:
        settings = dict(target_modules=[ending(random, name) for name in chosen])
        if random.random() < 0.2:
            settings["layers_to_transform"] = random.choice([0, 1, [0], [1], [0, 1]])
            if random.random() < 0.4:
                parts = next((name.split(".") for name in chosen if any(p.isdigit() for p in name.split("."))), None)
                if parts:
                    before = parts[next(place for place, part in enumerate(parts) if part.isdigit()) - 1]
                    settings["layers_pattern"] = random.choice([before, [before]])
    if random.random() < 0.1:
        settings["exclude_modules"] = random.choice(
            [[ending(random, random.choice(pool))], layered(random, random.choice(pool))])
    return settings


def lora_settings(random, names):
    """Settings of LoraConfig, most of which peft takes."""
    settings = dict(r=random.choice([1, 2, 4, 8, 7]), **targets(random, names))
    if random.random() < 0.8:
        settings["lora_alpha"] = random.choice([1, 8, 16, 32, 5, 0.5, 2.75, 8.0, 1e-3, 0, -4, 7])
    for key, chance in [("use_rslora", 0.3), ("use_dora", 0.2)]:
        if random.random() < chance:
            settings[key] = True
    if names.inputs_first and random.random() < 0.8 or random.random() < 0.05:
        settings["fan_in_fan_out"] = True
    if random.random() < 0.25:
        settings["bias"] = random.choice(["all", "lora_only"])
    for key, values, chance in [("alpha_pattern", [1, 3, 16, 0.25, -2, 0, 64.0], 0.5), ("rank_pattern", [1, 2, 3, 9], 0.4)]:
        if random.random() < chance:
            of = names.linear + names.embeddings
            settings[key] = {pattern(random, of): random.choice(values) for _ in range(random.randint(1, 4))}
    if random.random() < 0.2:
        of = names.others if random.random() < 0.7 else names.linear + names.embeddings
        settings["modules_to_save"] = [ending(random, name, 2) for name in random.sample(of, min(len(of), random.randint(1, 2)))]
    if random.random() < 0.1:
        settings["ensure_weight_tying"] = True
    if random.random() < 0.1:
        settings["init_lora_weights"] = random.choice(["gaussian", False, "orthogonal", "mica", "eva"])
    if random.random() < 0.06:
        settings.update(random.choice([
            dict(lora_bias=True), dict(trainable_token_indices=[1, 5]), dict(layer_replication=[[0, 2], [1, 2]]),
            dict(init_lora_weights="pissa"), dict(init_lora_weights="OLoRA"), dict(use_qalora=True),
            dict(kasa_config={}), dict(use_bdlora=dict(target_modules_bd_a=["q_proj"], nblocks=2, match_strict=False)),
            dict(target_parameters=["q_proj.weight"]), dict(velora_config={}), dict(monteclora_config={})]))
    return settings


OTHER_VERSIONS = {
    "future_setting": {"a": [1, None]}, "megatron_config": None, "loftq_config": {}, "eva_config": None,
    "corda_config": None, "peft_version": "0.6.0", "revision": None, "inference_mode": False, "lora_dropout": 0.1,
    "qalora_group_size": 32, "auto_mapping": None, "runtime_config": {}, "task_type": None, "bias": None,
}
ABSENT = {
    "layer_replication": [None, []], "trainable_token_indices": [None], "target_parameters": [None, []],
    "modules_to_save": [None], "alora_invocation_tokens": [None], "lora_bias": [False, None], "use_qalora": [False],
    "alpha_pattern": [{}, None], "rank_pattern": [{}, None], "use_dora": [None, 0], "use_rslora": [None, 0, 1],
    "exclude_modules": [None], "kasa_config": [None], "arrow_config": [None], "use_bdlora": [None],
}
DEFAULTED = ["lora_alpha", "use_rslora", "use_dora", "fan_in_fan_out", "alpha_pattern", "rank_pattern", "bias",
             "init_lora_weights", "r", "layer_replication", "modules_to_save", "lora_bias", "peft_version"]


def set_entry(random, config, key):
    """Another number, in another way of writing, for one of a table's entries."""
    table = config.get(key)
    if isinstance(table, dict) and table:
        name = random.choice(list(table))
        table[name] = random.choice([float(table[name]), table[name], table[name] + 1, True])


def edit(random, config, names):
    """Changes a config as people and other versions do. Returns the text to write."""
    def shuffled(key):
        if isinstance(config.get(key), dict):
            entries = list(config[key].items())
            random.shuffle(entries)
            config[key] = dict(entries)

    def number():
        config["lora_alpha"] = random.choice([3, 2.5, -1, 0, True, 1e2, 10 ** 20, "8", None, float("nan"), float("inf")])

    def rank():
        if not isinstance(config.get("r"), int):
            return
        config["r"] = random.choice([float(config["r"]), config["r"] + 1, str(config["r"]), 0, -1, None, True])

    def absent():
        key = random.choice(list(ABSENT))
        if not config.get(key):
            config[key] = random.choice(ABSENT[key])

    def entry():
        of = names.linear + names.embeddings
        table = config.get("alpha_pattern") or {}
        config["alpha_pattern"] = {pattern(random, of): random.choice([2, 0.125, 11]), **table}

    steps = {
        "drop": (6, lambda: config.pop(random.choice(DEFAULTED), None)),
        "order": (4, lambda: (shuffled("alpha_pattern"), shuffled("rank_pattern"))),
        "version": (4, lambda: config.update([random.choice(list(OTHER_VERSIONS.items()))])),
        "absent": (4, absent), "alpha": (2, number), "rank": (1, rank), "entry": (3, entry),
        "rank of an entry": (1, lambda: set_entry(random, config, "rank_pattern")),
        "alpha of an entry": (2, lambda: set_entry(random, config, "alpha_pattern")),
        "inputs first": (1, lambda: config.update(fan_in_fan_out=not config.get("fan_in_fan_out"))),
        "type": (1, lambda: config.pop("peft_type", None)),
        "dora": (1, lambda: config.update(use_dora=not config.get("use_dora"))),
        "start": (1, lambda: config.update(init_lora_weights=random.choice(["gaussian", "eva", None, "pissa_niter_4"]))),
    }
    made = []
    for _ in range(random.randint(1, 3)):
        name = random.choices(list(steps), [weight for weight, _ in steps.values()])[0]
        made.append(name)
        steps[name][1]()
    text = json.dumps(config, indent=random.choice([None, 2]))
    if random.random() < 0.1 and "lora_alpha" in config:
        # Of two of a name the last counts.
        made.append("twice")
        text = text.replace("{", '{"lora_alpha": 1234, ', 1)
    return made, text
