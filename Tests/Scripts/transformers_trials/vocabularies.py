"""Tokenizers made with `tokenizers`, and those of the fixtures: the written one opens, and encodes the new tokens."""
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from .architectures import GROUPED, MODELS, forward
from .trial import check, opened, random_model, same

FIXTURES = Path(__file__).parents[2] / "DellaTests" / "Resources" / "vocabulary"
TEXTS = [
    ["the quick brown fox jumps over the lazy dog", "she sells sea shells by the sea shore", "das Straßenbahngleis",
     "how much wood would a woodchuck chuck"] * 5,
    ["le renard brun saute par dessus le chien paresseux", "the quick brown fox", "żółć gęślą jaźń", "def main(): return 0",
     "les chemises de l'archiduchesse"] * 5,
]
SENTENCE = "the quick brown renard saute over das Straßenbahngleis, żółć 123"


def trained(kind, texts, special, size):
    if kind == "byte-level BPE":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False,
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    elif kind == "BPE with bytes to fall back on":
        # As of Llama 2 and Mistral.
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                      special_tokens=special + [f"<0x{byte:02X}>" for byte in range(256)])
    elif kind == "WordPiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    elif kind == "unigrams":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False)
    else:
        tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordLevelTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


def save(folder, tokenizer, added, seed):
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    fast.add_tokens([AddedToken(token, special=token.startswith("<|"), normalized=False) for token in added])
    config = LlamaConfig(**dict(GROUPED, vocab_size=len(fast)))
    model = random_model(lambda: LlamaForCausalLM(config), seed)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    # As it is read from the disk, so that what is compared is what dellad was given.
    return own_and_added(folder), load_file(folder / "model.safetensors")


def own_and_added(folder):
    data = json.loads((folder / "tokenizer.json").read_text())
    added = {entry["content"]: entry["id"] for entry in data["added_tokens"]}
    vocab = data["model"]["vocab"]
    own = vocab if isinstance(vocab, dict) else {entry[0]: id for id, entry in enumerate(vocab)}
    return own, added


def union(vocabularies):
    """Ids of the union: the first's, then what others have, plain tokens first, by model and id."""
    ids = {**vocabularies[0][0], **vocabularies[0][1]}
    plain = {token for own, added in vocabularies for token in own if token not in added}
    for is_plain in (True, False):
        for own, added in vocabularies[1:]:
            for token, _ in sorted({**own, **added}.items(), key=lambda item: item[1]):
                if token not in ids and (token in plain) == is_plain:
                    ids[token] = len(ids)
    return ids


def extended(source, new, other):
    """The source's tokenizer with the new tokens, added by tokenizers itself as mergekit adds them: plain ones by name."""
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    entries = {}
    for folder in other:
        for token in Tokenizer.from_file(str(folder / "tokenizer.json")).get_added_tokens_decoder().values():
            entries.setdefault(token.content, token)
    for token in new:
        tokenizer.add_tokens([entries.get(token, token)])
    return tokenizer, [token for token in new if token in entries]


def encodes(folder, ids, new, source, others):
    """That the tokenizer of a folder opens everywhere with those ids, and encodes texts with the new tokens."""
    raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
    check(raw.get_vocab() == ids, f"ids differ: {sorted(set(raw.get_vocab().items()) ^ set(ids.items()))[:8]}")
    right, own = extended(source, new, others)
    check(right.get_vocab() == ids, "tokenizers itself comes to other ids")
    texts = [SENTENCE] + [text for token in new for text in (token, f"the {token} fox", f"a{token}b {token}{token}")]
    tokenizers = [AutoTokenizer.from_pretrained(folder),
                  PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))]
    if AutoTokenizer.from_pretrained(source).get_vocab() != Tokenizer.from_file(str(source / "tokenizer.json")).get_vocab():
        # For some architectures transformers makes another tokenizer of the source's own file already.
        tokenizers = tokenizers[1:]
    for tokenizer in tokenizers:
        check(tokenizer.get_vocab() == ids, f"{type(tokenizer).__name__} has other ids")
        for token in new:
            found = tokenizer.encode(token, add_special_tokens=False)
            check(found == [ids[token]], f"{token!r} is encoded as {found}, not {ids[token]}")
        # Tokens that models added stand for themselves anywhere; of others a longer one may be taken.
        for token in own:
            found = tokenizer.encode(f"the {token} fox", add_special_tokens=False)
            check(ids[token] in found, f"{token!r} is not found in a text: {tokenizer.convert_ids_to_tokens(found)}")
    for text in texts:
        found, expected = raw.encode(text), right.encode(text)
        check(found.ids == expected.ids, f"{text!r} is {found.tokens}, not {expected.tokens}")
        check(raw.decode(found.ids) == right.decode(found.ids), f"{text!r} is decoded as {raw.decode(found.ids)!r}")
    check(any(id >= len(ids) - len(new) for id in raw.encode(SENTENCE + "".join(own)).ids) or not own, "no new token")


def one(trial, number, kind):
    folders = [trial.folder / f"vocabulary-{number}-{part}" for part in ("base", "other")]
    made = []
    for part, folder in enumerate(folders):
        special = ["<unk>", "<s>", "</s>"] if part == 0 else ["<s>", "</s>", "<unk>", "<tool>"]
        tokenizer = trained(kind, TEXTS[part], special, 420 if "by" in kind else 160)
        added = ["<|im_start|>", "<|im_end|>", "zażółć"] if part == 1 else ["<|pad|>"]
        made.append(save(folder, tokenizer, added, 10 * number + part))
    vocabularies, tensors = zip(*made)
    ids = union(vocabularies)
    output = trial.merge(f"""
merge_method: linear
base_model: {folders[0].name}
dtype: float32
tokenizer_source: union
models:
  - {{model: {folders[0].name}, parameters: {{weight: 0.4}}}}
  - {{model: {folders[1].name}, parameters: {{weight: 0.6}}}}
""")
    new = [token for token in ids if token not in vocabularies[0][0] and token not in vocabularies[0][1]]
    check(len(new) > 10 and set(ids) == {token for pair in vocabularies for part in pair for token in part}, "no union")
    encodes(output, ids, new, folders[0], folders[1:])
    written = load_file(output / "model.safetensors")
    both = [{**own, **added} for own, added in vocabularies]
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        right = torch.zeros(len(ids), 32, dtype=torch.float64)
        for token, row in ids.items():
            rows = [tensors[i][name][both[i][token]].double() if token in both[i] else None for i in (0, 1)]
            # What one lacks it takes from the other.
            right[row] = 0.4 * (rows[0] if rows[0] is not None else rows[1]) + 0.6 * (
                rows[1] if rows[1] is not None else rows[0])
        same({name: written[name]}, {name: right.float()})
    model = opened(AutoModelForCausalLM, output)
    check(model.config.vocab_size == len(ids), "vocab_size")
    tokenizer = AutoTokenizer.from_pretrained(output)
    logits = model(**tokenizer(SENTENCE + " <|im_start|>", return_tensors="pt", return_token_type_ids=False)).logits
    check(logits.shape[-1] == len(ids) and torch.isfinite(logits).all(), "logits")


SIZES = [101, 113]
"""Of the vocabularies: no other dimension of the models is as large."""


def words(seed):
    """A tokenizer of as many words, of which two seeds have most in common, in another order."""
    names = ["<unk>", "<s>", "</s>"] + [f"w{(number * (seed * 6 + 1)) % 109 + seed * 7}" for number in range(SIZES[seed] - 4)]
    check(len(set(names)) == len(names), "words are there twice")
    tokenizer = Tokenizer(models.WordLevel({name: id for id, name in enumerate(names)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    fast.add_tokens([AddedToken(f"<|added{seed}|>", special=True)])
    return fast


def architecture(trial, number, name):
    """A union where embeddings, heads and their biases are called otherwise, and tied otherwise, than in a Llama."""
    folders, ids, states = [], [], []
    for seed, size in enumerate(SIZES):
        kind, config, inputs = MODELS[name]()
        for part in [config, getattr(config, "text_config", None)]:
            if hasattr(part, "vocab_size"):
                part.vocab_size = size
        folder = trial.folder / f"union-{number}-{seed}"
        random_model(lambda: kind(config), 10 * number + seed).save_pretrained(folder)
        words(seed).save_pretrained(folder)
        folders.append(folder)
        ids.append({token: id for part in own_and_added(folder) for token, id in part.items()})
        states.append({k: v.clone() for k, v in opened(kind, folder).state_dict().items()})
    all_ids = union([own_and_added(folder) for folder in folders])
    output = trial.merge(f"""
merge_method: linear
base_model: {folders[0].name}
dtype: float32
tokenizer_source: union
models:
  - {{model: {folders[0].name}, parameters: {{weight: 0.4}}}}
  - {{model: {folders[1].name}, parameters: {{weight: 0.6}}}}
""")
    model = opened(kind, output)
    forward(model, inputs)
    for key, found in model.state_dict().items():
        first, second = [state[key].double() if state[key].is_floating_point() else state[key] for state in states]
        if SIZES[0] not in first.shape:
            right = 0.4 * first + 0.6 * second if first.is_floating_point() else first
        else:
            axis = list(first.shape).index(SIZES[0])
            first, second = first.movedim(axis, 0), second.movedim(axis, 0)
            rows = []
            for token in sorted(all_ids, key=all_ids.get):
                pair = [part[own[token]] if token in own else None for part, own in ((first, ids[0]), (second, ids[1]))]
                rows.append(0.4 * (pair[0] if pair[0] is not None else pair[1])
                            + 0.6 * (pair[1] if pair[1] is not None else pair[0]))
            right = torch.stack(rows).movedim(0, axis)
        same({key: found}, {key: right.float() if right.is_floating_point() else right}, 2e-6)
    new = [token for token in all_ids if token not in ids[0]]
    encodes(output, all_ids, new, folders[0], folders[1:])


def fixture(trial, config):
    for model in (FIXTURES / "models").iterdir():
        target = trial.folder / model.name
        if not target.exists():
            target.symlink_to(model)
    output = trial.merge(config.read_text())
    expected = FIXTURES / "expected" / config.stem
    source = FIXTURES / "models" / ("ChatML" if config.stem == "other-task" else "Base")
    base, added = own_and_added(source)
    if (expected / "vocab.json").exists():
        ids, meta = [json.loads((expected / name).read_text()) for name in ("vocab.json", "meta.json")]
        check(json.loads((output / "config.json").read_text())["vocab_size"] == meta["vocab_size"], "vocab_size")
        tokens = Tokenizer.from_file(str(output / "tokenizer.json")).get_added_tokens_decoder()
        check({str(id): token.content for id, token in tokens.items()} == meta["added_tokens"], "other added tokens")
    else:
        # Adapters change no vocabulary.
        ids = {**base, **added}
    new = sorted((token for token in ids if token not in base and token not in added), key=ids.get)
    encodes(output, ids, new, source, [FIXTURES / "models" / "ChatML"])
    same(load_file(output / "model.safetensors"), load_file(expected / "model.safetensors"), 2e-6)
    opened(AutoModelForCausalLM, output)


def run(trial):
    for number, kind in enumerate(["byte-level BPE", "BPE with bytes to fall back on", "WordPiece", "unigrams", "words"]):
        trial.step(f"tokenizers of {kind}", one, trial, number, kind)
    for number, name in enumerate([
        "llama, tied", "qwen2, tied", "gpt2, tied", "gpt-neox", "falcon, tied", "bloom, tied", "opt, tied", "mamba", "bert",
        "bert, a classifier", "roberta", "t5, tied", "t5", "bart, tied", "whisper, tied", "mixtral", "deepseek-v3", "clip",
        "llava", "gemma3 with images", "qwen2-vl",
    ]):
        trial.step(f"union of {name}", architecture, trial, number, name)
    for config in sorted((FIXTURES / "configs").iterdir()):
        trial.step(f"fixture {config.stem}", fixture, trial, config)
