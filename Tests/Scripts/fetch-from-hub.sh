#!/bin/sh
# fetch-from-hub.sh DELLAD   Has the built daemon fetch models with the real hf, from a hub on this machine: see
# fetch-from-hub.py. HF names an hf that is there; else one is installed from PyPI, and where that cannot be reached this
# says so. SEED repeats the kills of an earlier run, KILLS is how many there are.
set -eu
dellad=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
hf=${HF:-}
if [ -z "$hf" ]; then
    if ! python3 -m venv "$folder/venv" >"$folder/log" 2>&1 ||
        ! "$folder/venv/bin/pip" install --quiet --retries 1 --timeout 30 'huggingface_hub<3' >"$folder/log" 2>&1; then
        echo "fetch-from-hub: skipped, no huggingface_hub can be installed: $(tail -1 "$folder/log")"
        exit 0
    fi
    hf=$folder/venv/bin/hf
fi
python3 "$(dirname "$0")/fetch-from-hub.py" "$dellad" "$(realpath -s "$hf")" "$folder"
