#!/bin/sh
# open-with-transformers.sh DELLAD [SUBJECT...]   Merges tiny models and opens the results with safetensors, transformers,
# tokenizers and peft, where python has them (PyPI: safetensors, transformers, torch, peft); says so where it has not.
# PYTHON names another python. The values are compared too, see open-with-transformers.py: two to three minutes.
# SUBJECTS are of that; all by default.
set -eu
dellad=$1
shift
python=${PYTHON:-python3}
if ! "$python" -c 'import safetensors, torch, transformers' 2>/dev/null; then
    echo "open-with-transformers: skipped, $python lacks safetensors, torch or transformers"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$(dirname "$0")/write-models.sh" "$dellad" "$folder" tiny >/dev/null
echo 'dellad: {shard_size: 200KB}' >>"$folder/merge.yml"
"$dellad" merge "$folder/merge.yml" "$folder/out" --models "$folder" >/dev/null
"$python" - "$folder/base" "$folder/out" <<'EOF'
import glob, os, sys
import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM

base, out = sys.argv[1:]
names = set()
files = sorted(glob.glob(os.path.join(out, "*.safetensors")))
assert len(files) > 1, "the merge was to have several shards"
for path in files:
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt"}, file.metadata()
        for name in file.keys():
            names.add(name)
            assert torch.isfinite(file.get_tensor(name).float()).all(), name
config = AutoConfig.from_pretrained(out)
model, info = AutoModelForCausalLM.from_pretrained(out, torch_dtype="auto", output_loading_info=True)
assert not info["missing_keys"] and not info["unexpected_keys"], info
assert next(model.parameters()).dtype == torch.bfloat16
logits = model(torch.tensor([[1, 2, 3]])).logits
assert torch.isfinite(logits).all()
print(f"open-with-transformers: {len(names)} tensors in {len(files)} shards, logits {tuple(logits.shape)}")
EOF
if ! "$python" -c 'import peft' 2>/dev/null; then
    echo "open-with-transformers: the rest is skipped, $python lacks peft"
    exit 0
fi
"$python" "$(dirname "$0")/open-with-transformers.py" "$dellad" "$@"
