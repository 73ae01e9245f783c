#!/usr/bin/env bash
# merge-on-large-pages.sh DELLAD OTHER CROSS   Boots Debian's arm64 kernel with pages of 16 KiB in an emulator, with huge
# pages (of 32 MiB there) for all memory, and merges two models of 300 MB with OTHER, a program for arm64: the bytes must be
# those of DELLAD here, and the peak of memory at most the budget and 64 MiB. CROSS is the folder of `make cross-arm64`.
set -euo pipefail
here=$(realpath "$1")
there=$(realpath "$2")
cross=$(realpath "$3")
cd "$(dirname "$0")/../.."
budgets=${BUDGETS:-32M 256M 1G}
if [ ! -e "$cross/kernel/done" ]; then
    Makefile.d/debian-tree trixie "$cross/kernel" linux-image-arm64-16k,busybox-static --architectures=arm64
    [ "$(id -u)" = 0 ] && touch "$cross/kernel/done" || sudo touch "$cross/kernel/done"
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The disk: models, config, and room for the outputs.
mkdir -p "$folder/disk"
Tests/Scripts/write-models.sh "$here" "$folder/disk" demo >/dev/null
"$here" merge "$folder/disk/merge.yml" "$folder/here" --models "$folder/disk" --seed 3 >/dev/null 2>&1
mke2fs -q -t ext4 -d "$folder/disk" "$folder/disk.img" 2500M

# The memory file system: a shell, the program with its libraries, and the modules that a disk takes.
memory=$folder/memory
mkdir -p "$memory"/{bin,lib/aarch64-linux-gnu,modules,proc,sys,dev,data,tmp}
cp "$cross/kernel/usr/bin/busybox" "$memory/bin/busybox"
for name in sh mount insmod grep cat sed sha256sum poweroff time; do ln -s busybox "$memory/bin/$name"; done
install -m 755 "$there" "$memory/bin/dellad"
Makefile.d/strip "$memory/bin/dellad"
for name in ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 liburing.so.2 libatomic.so.1; do
    library=$cross/target/usr/lib/aarch64-linux-gnu/$name
    [ ! -e "$library" ] || cp -L "$library" "$memory/lib/aarch64-linux-gnu/$name"
done
cp -L "$cross/target/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1" "$memory/lib/"
version=$(ls "$cross/kernel/usr/lib/modules")
mkdir -p "$folder/modules/lib/modules"
cp -r "$cross/kernel/usr/lib/modules/$version" "$folder/modules/lib/modules/"
depmod -b "$folder/modules" "$version"
number=100
for module in virtio_pci virtio_mmio virtio_blk ext4; do
    modprobe -d "$folder/modules" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r file; do
    name=$memory/modules/$number-$(basename "$file")
    cp "$file" "$name"
    case $name in *.xz) xz -d "$name" ;; esac
    number=$((number + 1))
done
cat >"$memory/init" <<END
#!/bin/sh
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
for module in /modules/*; do insmod \$module; done
mount -t ext4 /dev/vda /data
echo always >/sys/kernel/mm/transparent_hugepage/enabled
echo "PAGES \$(grep -m 1 KernelPageSize /proc/self/smaps), huge \$(cat /sys/kernel/mm/transparent_hugepage/hpage_pmd_size)"
for budget in $budgets; do
    time -v dellad merge /data/merge.yml /data/out --models /data --seed 3 --memory \$budget --sha256 --io uring 2>/tmp/log
    sed "s/^/\$budget: /" /tmp/log
    echo "PEAK \$budget \$(sed -n 's/.*Maximum resident set size (kbytes): //p' /tmp/log)"
    echo "SUM \$budget \$(cd /data/out && sha256sum *.safetensors)"
    busybox rm -r /data/out
done
echo ENDED
poweroff -f
END
chmod +x "$memory/init"
(cd "$memory" && find . | cpio -o -H newc --quiet -R 0:0) | gzip -1 >"$folder/memory.img"

timeout "${SECONDS_LIMIT:-1800}" qemu-system-aarch64 -M virt -cpu cortex-a76 -smp 2 -m "${MEMORY:-2G}" -nographic -no-reboot \
    -kernel "$cross"/kernel/boot/vmlinuz-* -initrd "$folder/memory.img" \
    -drive "file=$folder/disk.img,format=raw,if=none,id=disk" -device virtio-blk-pci,drive=disk,romfile= -nic none \
    -append "console=ttyAMA0 quiet panic=-1 rdinit=/init" </dev/null | sed -u 's/\r$//' | tee "$folder/console"
grep -q '^ENDED' "$folder/console"
expected=$(cd "$folder/here" && sha256sum ./*.safetensors | sed 's|\./||')
for budget in $budgets; do
    [ "$(sed -n "s/^SUM $budget //p" "$folder/console")" = "$expected" ] || {
        echo "$budget: not the same bytes" >&2
        exit 1
    }
    peak=$(sed -n "s/^PEAK $budget //p" "$folder/console")
    bytes=$(numfmt --from=iec "$budget")
    echo "$budget: the same bytes, peak memory $((peak / 1024)) MiB"
    [ "$peak" -le $(((bytes + (64 << 20)) / 1024)) ] || {
        echo "$budget: more than the budget and 64 MiB" >&2
        exit 1
    }
done
