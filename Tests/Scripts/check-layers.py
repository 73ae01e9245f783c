#!/usr/bin/env python3
"""check-layers.py   Shows that Della's folders use one another in one direction only, as CONTRIBUTING.md says.

A folder may name its own types and those of folders of earlier ranks. Names that more than one folder declares are
left out.
"""
import pathlib
import re
import sys

RANKS = [["Control"], ["Config"], ["Kernel"], ["Layout", "Output", "Plan"], ["Statistics"], ["Journal"], ["Pipeline"], ["Audit"], ["Report"], ["Run"], ["Recipe", "Inspect"], ["Parts"]]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent / "Sources/Della"
DECLARATION = re.compile(
    r"^(?:(?:public|package|final|indirect|@\w+) )*(?:struct|enum|class|protocol|actor|typealias) (\w+)", re.M)


def code(path):
    """A file without comments and texts."""
    text = re.sub(r"//.*", "", path.read_text())
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def main():
    rank = {folder: number for number, folders in enumerate(RANKS) for folder in folders}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    if folders != set(rank):
        sys.exit(f"folders without a rank, or ranks without a folder: {sorted(folders ^ set(rank))}")
    owners = {}
    for folder in rank:
        for path in (ROOT / folder).glob("*.swift"):
            for name in DECLARATION.findall(code(path)):
                owners.setdefault(name, set()).add(folder)
    wrong = []
    for folder, own in rank.items():
        for path in sorted((ROOT / folder).glob("*.swift")):
            for name in sorted(set(re.findall(r"\b[A-Z]\w+", code(path)))):
                owner = owners.get(name, set())
                if len(owner) == 1 and rank[min(owner)] > own:
                    wrong.append(f"{path.relative_to(ROOT)} uses {name} of {min(owner)}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(owners)} types in {len(rank)} folders, used in one direction")


main()
