#!/usr/bin/env bash
# merge-under-emulation.sh DELLAD OTHER   Shows that a program for another processor, run by qemu-user below $SYSROOT, gives
# the bytes that this processor's gives: synthetic models, and every fixture's merge with the SHA-256 of its files.
#
# $PAGES may name other sizes of pages to pretend, of an emulator that then still says where the stack is: Swift finds a
# program's arguments there. QEMU 7.2's does so for 4096 alone.
#
# Of dellad.json all is compared but the seconds and what was audited, which is drawn anew each time.
set -euo pipefail
here=$(realpath "$1")
there=$(realpath "$2")
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Of the host's dellad.yaml and Hugging Face's cache nothing is wanted.
export HF_HUB_CACHE=$folder/none HF_HUB_OFFLINE=1

other() { Makefile.d/run "$there" "$@"; }

# same FOLDER FOLDER   Compares two models, all of their files.
same() {
    diff -r --exclude=dellad.json "$1" "$2" >&2
    record "$1" >"$folder/record-1"
    record "$2" >"$folder/record-2"
    diff "$folder/record-1" "$folder/record-2" >&2
}

# record FOLDER   What dellad.json says that every run says.
record() {
    python3 -c 'import json, sys
record = json.load(open(sys.argv[1] + "/dellad.json"))
del record["seconds"], record["audit"]
print(json.dumps(record, indent=1, sort_keys=True))' "$1"
}

# hashes FOLDER   That what dellad.json says of files is what another program computes of them.
hashes() {
    python3 -c 'import hashlib, json, sys
folder = sys.argv[1]
for file in json.load(open(folder + "/dellad.json"))["files"]:
    data = open(folder + "/" + file["name"], "rb").read()
    assert hashlib.sha256(data).hexdigest() == file["sha256"], file["name"]' "$1"
}

for program in here other; do
    case $program in
    here) run=$here ;;
    other) run=other ;;
    esac
    "$run" synth "$folder/base-$program" --shape tiny --seed 1 >/dev/null
    "$run" synth "$folder/tune-$program" --shape tiny --base "$folder/base-$program" --scale 0.01 --seed 2 >/dev/null
done
diff -r "$folder/base-here" "$folder/base-other"
diff -r "$folder/tune-here" "$folder/tune-other"
echo "synth: the same bytes"

resources=Tests/DellaTests/Resources
# A model's README has its folder's name, so both are called the same.
mkdir "$folder/here" "$folder/there"
merged=$folder/here/merged merged_there=$folder/there/merged
count=0
for set in "" methods/ vocabulary/; do
    for config in "$resources/$set"configs/*.yml; do
        name=${set%/}-$(basename "$config" .yml)
        options=(--models "$resources/${set}models" --seed 7 --memory 8M --sha256)
        "$here" merge "$config" "$merged" "${options[@]}" >/dev/null 2>"$folder/log" || {
            cat "$folder/log" >&2
            exit 1
        }
        hashes "$merged"
        for page in ${PAGES:-4096}; do
            QEMU_PAGESIZE=$page other merge "$config" "$merged_there" "${options[@]}" --io posix \
                >/dev/null 2>"$folder/log" || {
                echo "$name, pages of $page:" >&2
                cat "$folder/log" >&2
                exit 1
            }
            same "$merged" "$merged_there" || {
                echo "$name, pages of $page: not the same bytes" >&2
                exit 1
            }
            other verify "$merged" >/dev/null 2>"$folder/log"
            rm -rf "$merged_there"
            count=$((count + 1))
        done
        rm -rf "$merged"
    done
done
echo "$count merges: the same bytes"
