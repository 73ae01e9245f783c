#!/bin/sh
# write-models.sh DELLAD FOLDER SHAPE   Puts a base, a fine-tune of it and the config of their merge into a folder.
set -eu
dellad=$1 folder=$2 shape=$3
"$dellad" synth "$folder/base" --shape "$shape" --seed 1
"$dellad" synth "$folder/tune" --shape "$shape" --base "$folder/base" --scale 0.01 --seed 2
cat >"$folder/merge.yml" <<'EOF'
base_model: base
merge_method: della
dtype: bfloat16
models:
  - model: tune
    parameters: {density: 0.5, epsilon: 0.1, weight: 1.0}
EOF
