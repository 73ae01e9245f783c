"""What `dellad synth` writes is what the libraries take it for."""
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from .trial import check, opened, same


def vocabularies(trial):
    for name, seed in [("one", 1), ("two", 2)]:
        trial.run("synth", trial.folder / name, "--shape", "tiny", "--vocabulary", 700, "--seed", seed)
    output = trial.merge("merge_method: linear\ntokenizer_source: union\ndtype: bfloat16\nmodels:\n"
                         "  - {model: one, parameters: {weight: 1}}\n  - {model: two, parameters: {weight: 1}}\n")
    ids = [Tokenizer.from_file(str(path / "tokenizer.json")).get_vocab() for path in
           (trial.folder / "one", trial.folder / "two", output)]
    check(sorted(ids[0].values()) == list(range(700)), "the first has 700 tokens")
    check(set(ids[2]) == set(ids[0]) | set(ids[1]), "the union is no union")
    check(ids[0].items() <= ids[2].items() and 600 < len(set(ids[0]) & set(ids[1])) < 690, "few in common")
    tokenizer = AutoTokenizer.from_pretrained(output)
    words = sorted(set(ids[1]) - set(ids[0]))
    check(tokenizer(" ".join(words), add_special_tokens=False)["input_ids"] == [ids[2][word] for word in words],
          "new tokens are not encoded as such")
    model = opened(AutoModelForCausalLM, output)
    check(model.get_input_embeddings().weight.shape[0] == len(ids[2]), "rows and tokens differ")


def adapters(trial):
    trial.run("synth", trial.folder / "base", "--shape", "tiny", "--seed", 1)
    trial.run("synth", trial.folder / "adapter", "--shape", "tiny", "--adapter", 8, "--base", trial.folder / "base",
              "--seed", 2)
    load = lambda: opened(AutoModelForCausalLM, trial.folder / "base", dtype=torch.float32)
    model = PeftModel.from_pretrained(load(), trial.folder / "adapter")
    for name, value in load_file(trial.folder / "adapter" / "adapter_model.safetensors").items():
        held = model.state_dict()[name.replace(".weight", ".default.weight")]
        check(torch.equal(held, value.float()), f"{name} is not what peft has")
    output = trial.merge("merge_method: passthrough\ndtype: float32\nmodels: [{model: base+adapter}]\n")
    same(opened(AutoModelForCausalLM, output, dtype=torch.float32).state_dict(), model.merge_and_unload().state_dict(), 2e-6)


def quantised(trial):
    trial.run("synth", trial.folder / "full", "--shape", "tiny", "--seed", 1)
    trial.run("synth", trial.folder / "small", "--shape", "tiny", "--seed", 1, "--fp8")
    output = trial.merge("merge_method: passthrough\ndtype: float32\nmodels: [{model: small}]\n")
    small, written = load_file(trial.folder / "small" / "model.safetensors"), load_file(output / "model.safetensors")
    for name, value in written.items():
        right = small[name].float()
        if small[name].dtype == torch.float8_e4m3fn:
            scales = small[name + "_scale_inv"].repeat_interleave(128, 0).repeat_interleave(128, 1)
            right = right * scales[:right.shape[0], :right.shape[1]]
        check(torch.equal(value, right), f"{name} differs")
    opened(AutoModelForCausalLM, output)


def run(trial):
    for body in (vocabularies, adapters, quantised):
        trial.step(f"synth, {body.__name__}", body, trial)
