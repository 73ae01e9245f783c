"""A hub of models on this machine, that answers as huggingface.co does: what `hf` asks for, and faults on demand.

`Hub(folder)` serves FOLDER/ORG/NAME as models, each with one commit that `main` names, and `v1` too. Files above
`LARGE` bytes are what LFS keeps: they have a SHA-256, and lie behind a redirect. Faults are a list that tests fill:
each `Fault` meets requests whose path holds its `part`, `times` times.
"""
import dataclasses
import hashlib
import http.server
import json
import pathlib
import re
import socket
import struct
import threading
import time
import urllib.parse

LARGE = 4096


@dataclasses.dataclass
class Fault:
    """What a request meets instead of an answer, or in it.

    kind: `status` (an answer of `code`), `reset` (the connection ends after `after` bytes of the body), `corrupt` (a bit
    of the body is another), `short` (the file is shorter than it was listed), `slow` (`after` bytes a second).
    """

    kind: str
    part: str
    times: int = 1
    code: int = 503
    after: int = 0
    method: str = ""


class Hub:
    def __init__(self, folder, token=None):
        self.folder = pathlib.Path(folder)
        #: What gated models ask for; `None` lets nobody in.
        self.token = token
        self.gated = set()
        self.faults = []
        #: (method, path, whether a token came along), in order.
        self.requests = []
        self.lock = threading.Lock()
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        #: Where large files are: another host, as far as `hf` can tell.
        self.store = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def files(self, model):
        root = self.folder / model
        return sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else []

    def commit(self, model):
        """Forty digits, by what is in the model."""
        digest = hashlib.sha1()
        for path in self.files(model):
            digest.update(f"{path.relative_to(self.folder)} {path.stat().st_size}\n".encode())
        return digest.hexdigest()

    def commit_of(self, model, revision):
        commit = self.commit(model)
        return commit if revision in ("main", "v1", commit) else None

    def fault(self, method, path):
        """The fault that a request meets, which is used up by it."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.part in path and fault.method in ("", method):
                    fault.times -= 1
                    return fault
        return None


def blob(path):
    content = path.read_bytes()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        path = urllib.parse.urlparse(self.path).path
        with self.hub.lock:
            self.hub.requests.append((self.command, path, self.headers.get("Authorization") is not None))
        fault = self.hub.fault(self.command, path)
        if fault and fault.kind == "status":
            headers = {"Retry-After": "1"} if fault.code == 429 else {}
            return self.refuse(fault.code, "the hub is out of order", None, headers)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            return self.information(match[1], urllib.parse.unquote(match[2] or "main"))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)/?", path):
            return self.tree(match[1], urllib.parse.unquote(match[2]))
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self.resolve(match[1], urllib.parse.unquote(match[2]), urllib.parse.unquote(match[3]))
        if match := re.fullmatch(r"/lfs/(.+)", path):
            return self.content(self.hub.folder / urllib.parse.unquote(match[1]), {}, fault)
        self.refuse(404, "nothing is here", "EntryNotFound")

    def find(self, model, revision):
        """The commit; an answer is given where there is none."""
        if not self.hub.files(model):
            self.refuse(404, "Repository not found", "RepoNotFound")
            return None
        commit = self.hub.commit_of(model, revision)
        if commit is None:
            self.refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def information(self, model, revision):
        commit = self.find(model, revision)
        if commit is None:
            return
        root = self.hub.folder / model
        self.reply({
            "_id": "1", "id": model, "modelId": model, "sha": commit, "private": False, "gated": False,
            "siblings": [{"rfilename": str(path.relative_to(root))} for path in self.hub.files(model)],
        })

    def tree(self, model, revision):
        commit = self.find(model, revision)
        if commit is None:
            return
        root = self.hub.folder / model
        entries = []
        for path in self.hub.files(model):
            entry = {"type": "file", "path": str(path.relative_to(root)), "size": path.stat().st_size, "oid": blob(path)}
            if path.stat().st_size > LARGE:
                entry["lfs"] = {"oid": sha256(path), "size": path.stat().st_size, "pointerSize": 130}
            entries.append(entry)
        self.reply(entries)

    def resolve(self, model, revision, name):
        if model in self.hub.gated and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self.refuse(
                403, f"Access to model {model} is restricted and you are not in the authorized list.", "GatedRepo")
        commit = self.find(model, revision)
        if commit is None:
            return
        path = self.hub.folder / model / name
        if not path.is_file():
            return self.refuse(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit})
        if path.stat().st_size <= LARGE:
            return self.content(path, {"ETag": f'"{blob(path)}"', "X-Repo-Commit": commit}, None)
        self.send_response(302)
        self.send_header("Location", f"{self.hub.store}/lfs/{urllib.parse.quote(f'{model}/{name}')}")
        self.send_header("X-Repo-Commit", commit)
        self.send_header("X-Linked-Etag", f'"{sha256(path)}"')
        self.send_header("X-Linked-Size", str(path.stat().st_size))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def content(self, path, headers, fault):
        if not path.is_file():
            return self.refuse(404, "nothing is here", "EntryNotFound")
        content = path.read_bytes()
        kind = fault.kind if fault else ""
        if kind == "corrupt":
            content = content[:-9] + bytes([content[-9] ^ 4]) + content[-8:]
        if kind == "short":
            content = content[:-64]
        start = 0
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(match[1])
        if start and start >= len(content):
            return self.refuse(416, "there is no more", None)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        body = content[start:]
        if kind == "reset":
            self.wfile.write(body[: fault.after])
            self.wfile.flush()
            # What is sent at the close is a reset, not an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        step = max(1, fault.after // 20) if kind == "slow" else len(body)
        for place in range(0, len(body), max(1, step)):
            try:
                self.wfile.write(body[place : place + step])
            except OSError:
                self.close_connection = True
                return
            if kind == "slow":
                time.sleep(0.05)

    def reply(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, code, text, error, headers=None):
        body = json.dumps({"error": text}).encode()
        self.send_response(code)
        if error:
            self.send_header("X-Error-Code", error)
        self.send_header("X-Error-Message", text)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
