#!/usr/bin/python3
"""hf   A downloader as `hf` is, for the tests of the fetcher's sandbox: `hf index FOLDER` lists a model, `hf serve ROOT` is
its hub on port 8765, and `models info`, `models list` and `download` ask the hub that HF_ENDPOINT names.

`download` also tries what the sandbox must not let it do, and says WRONG where it could.
"""
import functools
import hashlib
import http.server
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

TOKEN = "hf_a-token-of-the-test"
CLOSED = ["/etc/dellad", "/var/lib/dellad", "/var/lib/dellad/spool/incoming", "/var/lib/dellad/output", "/run/dellad", "/root",
          "/usr/local/bin", "/home/alice"]


def index(folder):
    files = [path for path in sorted(pathlib.Path(folder).iterdir()) if not path.name.startswith(".")]
    entries = [{"path": path.name, "size": path.stat().st_size, "blob_id": "0",
                "lfs": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}} for path in files]
    pathlib.Path(folder, ".list").write_text(json.dumps(entries))
    pathlib.Path(folder, ".info").write_text(json.dumps({"sha": hashlib.sha1(repr(entries).encode()).hexdigest()}))


def get(path):
    try:
        return urllib.request.urlopen(f"{os.environ['HF_ENDPOINT']}/{path}", timeout=30)
    except urllib.error.HTTPError:
        # In hf's words.
        sys.exit(f"Error: Model '{path.rsplit('/', 1)[0]}' not found.")


def try_the_sandbox():
    wrong = []
    for folder in CLOSED:
        try:
            pathlib.Path(folder, "escaped").write_text("")
            wrong.append(f"writes to {folder}")
        except OSError:
            pass
    for place in ("/var/lib/dellad/spool/incoming", "/var/lib/dellad/output"):
        try:
            os.listdir(place)
            wrong.append(f"sees {place}")
        except OSError:
            pass
    if os.environ.get("HF_TOKEN") != TOKEN:
        wrong.append("has no token")
    if any(TOKEN in word for word in sys.argv):
        wrong.append("is told the token")
    if wrong:
        sys.exit("Error: WRONG: " + ", ".join(wrong))


def download(model, words):
    folder = pathlib.Path(words[words.index("--local-dir") + 1])
    options = {"--revision", "--local-dir"}
    names = [word for place, word in enumerate(words) if word not in options and words[place - 1] not in options]
    for name in names:
        with get(f"{model}/{name}") as source, open(folder / name, "wb") as target:
            while piece := source.read(1 << 20):
                target.write(piece)


match sys.argv[1:]:
    case ["index", folder]:
        index(folder)
    case ["serve", root]:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=root)
        http.server.ThreadingHTTPServer(("127.0.0.1", 8765), handler).serve_forever()
    case ["models", "info", model, *_]:
        sys.stdout.buffer.write(get(f"{model}/.info").read())
    case ["models", "list", model, *_]:
        sys.stdout.buffer.write(get(f"{model}/.list").read())
    case ["download", model, *words]:
        try_the_sandbox()
        download(model, [model, *words][1:])
