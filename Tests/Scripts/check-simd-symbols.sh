#!/usr/bin/env bash
# check-simd-symbols.sh BINARY [CONFIG OUT [ARGUMENT…]]
#
# Shows that a release binary runs on every x86-64: no AVX instruction lies outside the functions of the
# KernelAVX2 and KernelAVX512 targets, and none of those is a weak symbol, which the linker might share
# with code that runs everywhere. With CONFIG and OUT it also merges CONFIG into OUT, twice, on a processor
# without AVX (qemu-user): with the level left to choose, which must be the baseline, and with avx2 forced,
# which must be refused. Further arguments go to `dellad merge` (--models DIR, say).
set -euo pipefail

binary=${1:?usage: check-simd-symbols.sh BINARY [CONFIG OUT [ARGUMENT...]]}
shift
[ "$(uname -m)" = x86_64 ] || { echo "not x86-64: nothing to check"; exit 0; }

# Swift mangles a module's name with its length; C and library code built with runtime dispatch is not ours.
ours='10KernelAVX2|12KernelAVX512'

listing=$(mktemp)
trap 'rm -f "$listing"' EXIT
objdump -d --no-show-raw-insn "$binary" |
    awk '/^[0-9a-f]+ <.*>:$/ { symbol = substr($2, 2, length($2) - 3); next }
         /%[yz]mm[0-9]|\tv[a-z0-9]+ .*%xmm/ { count[symbol]++ }
         END { for (s in count) print count[s], s }' >"$listing"

if ! grep -qE "$ours" "$listing"; then
    echo "no AVX code in the kernels' own functions: is this a stripped or a debug binary?" >&2
    exit 1
fi
stray=$(grep -vE "$ours" "$listing" || true)
if [ -n "$stray" ]; then
    echo "AVX code outside KernelAVX2 and KernelAVX512 (instructions, symbol):" >&2
    echo "$stray" >&2
    exit 1
fi

# A symbol of those targets that is weak and holds code could stand in for another target's.
weak=$(nm "$binary" | awk '$2 == "W" || $2 == "w" || $2 == "V" || $2 == "v" { print $3 }' | sort)
shared=$(awk '{ print $2 }' "$listing" | sort | comm -12 - <(echo "$weak"))
if [ -n "$shared" ]; then
    echo "AVX code in weak symbols:" >&2
    echo "$shared" >&2
    exit 1
fi
echo "AVX code lies in $(wc -l <"$listing") functions, all of KernelAVX2 and KernelAVX512, none weak"

[ $# -ge 2 ] || exit 0
config=$1
output=$2
shift 2
emulator=$(command -v qemu-x86_64 || command -v qemu-x86_64-static) || {
    echo "qemu-x86_64 is missing (apt-get install qemu-user)" >&2
    exit 1
}
"$emulator" -cpu Nehalem "$binary" merge "$config" "$output" --io posix "$@"
if DELLAD_SIMD=avx2 "$emulator" -cpu Nehalem "$binary" merge "$config" "$output.avx2" --io posix "$@" 2>"$listing"; then
    echo "avx2 was not refused on a processor without it" >&2
    exit 1
fi
grep -q "DELLAD_SIMD" "$listing" || { cat "$listing" >&2; exit 1; }
echo "merged $config on a processor without AVX; avx2 refused there"
