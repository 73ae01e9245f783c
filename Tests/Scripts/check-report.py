#!/usr/bin/env python3
"""check-report.py DELLAD   Shows that a report's figures are those that numpy computes of the files.

Merges every config of the tests' fixtures, and compares each figure of report.json that follows from the models and the
output with sums over the files' values in float64. Skipped with a message where there is no numpy.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import numpy
except ImportError:
    print("report figures: SKIPPED: there is no numpy")
    sys.exit(0)

DELLAD = str(pathlib.Path(sys.argv[1]).resolve())
RESOURCES = pathlib.Path(__file__).resolve().parent.parent / "DellaTests/Resources"
FIXTURES = [RESOURCES / "methods", RESOURCES]
TOLERANCE = 1e-9


def tensors(folder):
    """The values of a model's tensors, in float32."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            raw = data[begin:end]
            if entry["dtype"] == "BF16":
                values = (numpy.frombuffer(raw, "<u2").astype(numpy.uint32) << 16).view(numpy.float32)
            elif entry["dtype"] in ("F16", "F32", "F64"):
                values = numpy.frombuffer(raw, {"F16": "<f2", "F32": "<f4", "F64": "<f8"}[entry["dtype"]])
            else:
                continue
            found[name] = (entry["dtype"], values.astype(numpy.float32))
    return found


def rounded(values, dtype):
    """Values as they are computed with."""
    if dtype == "float16":
        return values.astype(numpy.float16).astype(numpy.float32)
    if dtype == "bfloat16":
        bits = values.view(numpy.uint32).astype(numpy.uint64)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        return bits.astype(numpy.uint32).view(numpy.float32)
    return values


def check(output, models, dtype):
    """The tensors whose figures differ, and how many were compared."""
    report = json.loads((output / "report.json").read_text())
    names = report["models"]
    files = {name: tensors(models / name) for name in names if (models / name).is_dir()}
    written = tensors(output)
    wrong, compared = [], 0
    for entry in report["tensors"]:
        name = entry["name"]
        if not entry["inputs"] and not entry["reference_squares"]:
            continue
        reference = files.get(report["reference"], {}).get(name)
        if reference is None or any(name not in files.get(names[i["model"]], {}) for i in entry["inputs"]):
            continue
        # Differences are taken in float32, as a merge takes them.
        reference = rounded(reference[1], dtype)
        base = reference.astype(numpy.float64)
        inputs = [rounded(files[names[i["model"]]][name][1], dtype) for i in entry["inputs"]]
        deltas = [(values - reference).astype(numpy.float64) for values in inputs]
        change = (written[name][1] - reference).astype(numpy.float64)
        right = [("reference_squares", entry["reference_squares"], (base**2).sum())]
        right += [("change_squares", entry["change_squares"], (change**2).sum())]
        right += [("changed", entry["changed"], (change != 0).sum())]
        right += [("peak", entry["peak"], abs(written[name][1]).max(initial=0))]
        for figures, delta in zip(entry["inputs"], deltas):
            right += [("squares", figures["squares"], (delta**2).sum())]
            right += [("magnitudes", figures["magnitudes"], abs(delta).sum())]
            right += [("equal", figures["equal"], (delta == 0).sum())]
        pairs = [(i, j) for i in range(len(deltas)) for j in range(i + 1, len(deltas))]
        for (i, j), product, cosine in zip(pairs, entry["products"], entry["cosines"]):
            scale = (abs(deltas[i]) * abs(deltas[j])).sum()
            wrong += [(name, "product")] * int(abs(product - (deltas[i] * deltas[j]).sum()) > TOLERANCE * scale)
            norms = numpy.linalg.norm(deltas[i]) * numpy.linalg.norm(deltas[j])
            if norms:
                wrong += [(name, "cosine")] * int(abs(cosine - (deltas[i] * deltas[j]).sum() / norms) > 1e-6)
        for what, found, expected in right:
            if abs(found - float(expected)) > TOLERANCE * max(abs(float(expected)), 1e-30):
                wrong.append((name, what, found, float(expected)))
        compared += 1
    return wrong, compared


def compare_models(folder):
    """The figures of dellad compare that differ, over the models of a folder that have the same tensors."""
    names = sorted(path.name for path in folder.iterdir() if (path / "config.json").exists() and list(path.glob("*.safetensors")))
    files = {name: tensors(folder / name) for name in names}
    shapes = {name: {key: value[1].size for key, value in files[name].items()} for name in names}
    alike = [name for name in names if shapes[name] == shapes[names[0]]][:4]
    if len(alike) < 2:
        return [], 0
    done = subprocess.run(
        [DELLAD, "compare", *alike, "--models", folder, "--json", "--memory", "8M"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compare {alike}: {done.stderr}")
    report, wrong = json.loads(done.stdout), []
    for entry in report["tensors"]:
        name = entry["name"]
        base = files[alike[0]][name][1]
        deltas = [(files[report["models"][i["model"]]][name][1] - base).astype(numpy.float64) for i in entry["inputs"]]
        right = [("reference_squares", entry["reference_squares"], (base.astype(numpy.float64) ** 2).sum())]
        for figures, delta in zip(entry["inputs"], deltas):
            right += [("squares", figures["squares"], (delta**2).sum())]
            right += [("magnitudes", figures["magnitudes"], abs(delta).sum())]
            right += [("equal", figures["equal"], (delta == 0).sum())]
        if len(deltas) > 1:
            signs = (numpy.array(deltas) > 0).any(0) & (numpy.array(deltas) < 0).any(0)
            right += [("conflicts", entry["conflicts"], signs.sum())]
        if len(deltas) != len(alike) - 1:
            wrong.append((name, "models are missing"))
        for what, found, expected in right:
            if abs(found - float(expected)) > TOLERANCE * max(abs(float(expected)), 1e-30):
                wrong.append((name, what, found, float(expected)))
    return wrong, len(report["tensors"])


def main():
    failed, total = False, 0
    for folder in FIXTURES:
        wrong, count = compare_models(folder / "models")
        total += count
        if wrong:
            failed = True
            print(f"compare: {wrong[:4]}")
        for config in sorted((folder / "configs").glob("*.yml")):
            text = config.read_text()
            if "slices:" in text:
                continue  # names of layers differ
            dtype = next((line.split()[1] for line in text.splitlines() if line.startswith("dtype:")), "float32")
            with tempfile.TemporaryDirectory() as scratch:
                output = pathlib.Path(scratch) / "out"
                done = subprocess.run(
                    [DELLAD, "merge", config, output, "--models", folder / "models", "--memory", "8M"],
                    capture_output=True, text=True)
                if done.returncode:
                    sys.exit(f"{config.name}: {done.stderr}")
                wrong, compared = check(output, folder / "models", dtype)
                total += compared
                if wrong:
                    failed = True
                    print(f"{config.name}: {wrong[:4]}")
    if failed or total == 0:
        sys.exit("figures differ, or none were compared")
    print(f"{total} tensors have the figures that numpy computes")


main()
