#!/usr/bin/env python3
"""run_image.py IMAGE   Unpacks an OCI image and merges with it as a pod of contrib/kubernetes/dellad-job.yaml would.

Looks at what the image says (entry point, user, labels) and at what is in it, then runs its program in a root of the image's
files alone, read-only, as its user, with no network and no variables: a merge in two parts of models that are mounted
read-only. Skipped with a message where this user may not mount.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

IMAGE = pathlib.Path(sys.argv[1])
if not IMAGE.exists():
    print(f"image: SKIPPED: there is no {IMAGE}")
    sys.exit(0)
CONFIG = """base_model: base
merge_method: della
dtype: bfloat16
models:
  - model: tune
    parameters: {density: 0.5, epsilon: 0.1, weight: 1.0}
dellad: {shard_size: 64KB}
"""
# Arguments: the root, user and group, the folder of models, that of merges, then the program and its words.
INSIDE = """
set -e
root=$1 user=$2 models=$3 merged=$4
shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$models" "$root/models" && mount -o remount,bind,ro "$root/models"
mount --bind "$merged" "$root/merged"
mount -o remount,bind,ro "$root"
exec env -i "$chroot" --userspec="$user" "$root" "$@"
"""


def check(condition, words):
    if not condition:
        sys.exit(f"not ok  {words}")


def ok(words):
    print(f"ok      {words}", flush=True)


def unpack(work):
    """The image's configuration, and its files below work/root; digests are those of what they name."""
    layout, root = work / "layout", work / "root"
    root.mkdir()
    layout.mkdir()
    subprocess.run(["tar", "-xf", IMAGE, "-C", layout], check=True)

    def blob(descriptor):
        kind, name = descriptor["digest"].split(":")
        data = (layout / "blobs" / kind / name).read_bytes()
        check(hashlib.sha256(data).hexdigest() == name, f"blob {name} is what its digest says")
        return data

    index = json.loads((layout / "index.json").read_text())
    check(len(index["manifests"]) == 1, "one manifest")
    manifest = json.loads(blob(index["manifests"][0]))
    for number, layer in enumerate(manifest["layers"]):
        path = work / f"layer{number}"
        path.write_bytes(blob(layer))
        subprocess.run(["tar", "-xpf", path, "--numeric-owner", "-C", root], check=True)
    return json.loads(blob(manifest["config"])), root


def look(configuration, root):
    settings = configuration["config"]
    check(settings["Entrypoint"] == ["/usr/bin/dellad"], f"the entry point: {settings}")
    check(settings["User"] == "65532:65532", f"the user: {settings}")
    labels = settings["Labels"]
    for name in ("title", "version", "licenses", "created"):
        check(labels.get(f"org.opencontainers.image.{name}"), f"label {name}: {labels}")
    files = [p for p in sorted(root.rglob("*")) if not p.is_dir()]
    programs = [p for p in files if os.access(p, os.X_OK) and ".so" not in p.name]
    check([str(p.relative_to(root)) for p in programs] == ["usr/bin/dellad"], f"no other program: {programs}")
    check(not any(p.stat().st_mode & 0o6000 for p in files), "no file that gives rights away")
    size = sum(p.stat().st_size for p in files)
    ok(f"{len(files)} files, {size / 1e6:.0f} MB, the program alone to be run: "
       + " ".join(p.name for p in files if ".so" in p.name))
    ok(f"user {settings['User']}, version {labels['org.opencontainers.image.version']}, {configuration['architecture']}")


def main():
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "--net", "true"], stderr=subprocess.DEVNULL).returncode:
        print("image: SKIPPED: this user may not mount")
        return
    work = pathlib.Path(tempfile.mkdtemp(prefix="dellad-image-"))
    try:
        configuration, root = unpack(work)
        look(configuration, root)
        # As a runtime makes them.
        for name in ("proc", "models", "merged"):
            (root / name).mkdir()
        models, merged = work / "models", work / "merged"
        models.mkdir()
        merged.mkdir()
        (models / "merge.yml").write_text(CONFIG)
        os.chown(merged, 65532, 65532)
        work.chmod(0o711)

        def run(*words, user=configuration["config"]["User"]):
            command = ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", INSIDE, "sh", root, user, models, merged,
                       "/usr/bin/dellad", *words]
            return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "chroot": shutil.which("chroot")})

        said = run("--version")
        check(said.returncode == 0, f"--version ended with {said.returncode}: {said.stderr}")
        ok(f"--version: {said.stdout.strip()}")
        for number, (name, base) in enumerate([("base", []), ("tune", ["--base", "/merged/base"])]):
            said = run("synth", f"/merged/{name}", "--shape", "tiny", "--seed", str(number), *base)
            check(said.returncode == 0, f"synth: {said.stderr}")
        for name in ("base", "tune"):
            (merged / name).rename(models / name)
        for part in ("0/2", "1/2"):
            said = run("merge", "/models/merge.yml", "/merged/model", "--models=/models", f"--part={part}", "--assemble",
                       "--memory=128M")
            check(said.returncode == 0, f"part {part} ended with {said.returncode}: {said.stderr}")
        said = run("verify", "/merged/model")
        check(said.returncode == 0, f"verify ended with {said.returncode}: {said.stderr}")
        owners = {p.stat().st_uid for p in [merged / "model", *(merged / "model").iterdir()]}
        check(owners == {65532}, f"all of it is its user's: {owners}")
        ok("it merges in two parts in a read-only root, as its user, without a network; verify agrees")
    finally:
        shutil.rmtree(work)


main()
