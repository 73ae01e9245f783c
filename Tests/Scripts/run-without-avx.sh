#!/bin/sh
# run-without-avx.sh DELLAD   Merges two tiny models as this processor does it and as one without AVX does, and
# compares the bytes. A program for another processor has no AVX code: there it is the plain level that is compared.
set -eu
dellad=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$(dirname "$0")/write-models.sh" "$dellad" "$folder" tiny
"$dellad" merge "$folder/merge.yml" "$folder/here" --models "$folder"
if ! readelf -h "$dellad" | grep -q X86-64; then
    DELLAD_SIMD=baseline "$dellad" merge "$folder/merge.yml" "$folder/there" --models "$folder" --io posix
    cmp "$folder/here/model.safetensors" "$folder/there/model.safetensors"
    echo "no program for x86-64, no AVX code: the plain level gives the same bytes"
    exit 0
fi
"$(dirname "$0")/check-simd-symbols.sh" "$dellad" "$folder/merge.yml" "$folder/there" --models "$folder"
cmp "$folder/here/model.safetensors" "$folder/there/model.safetensors"
echo "with and without AVX: the same bytes"
