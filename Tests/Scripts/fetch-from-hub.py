#!/usr/bin/env python3
"""fetch-from-hub.py DELLAD HF FOLDER   The daemon, its fetcher and the real hf against a hub on this machine.

A config is dropped into a spool whose models' folder is empty, and ends as a merged model, whose bytes are those of a merge
of models that were there. Then again with a fault each. What must hold of all: the state says what is the matter, and no
model that is not whole, byte for byte as the hub has it, ever has a name.
"""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

from hub_server import Fault, Hub

DELLAD, HF, FOLDER = sys.argv[1:4]
FOLDER = pathlib.Path(FOLDER)
SEED = int(os.environ.get("SEED", random.Random(os.environ.get("DELLAD_TEST_SEED") or None).randrange(1 << 32)))
KILLS = int(os.environ.get("KILLS", "6"))
TOKEN = "hf_the-secret-of-this-test"
CONFIG = """merge_method: della
base_model: org/base
dtype: bfloat16
models:
  - {model: "org/tune@v1", parameters: {density: 0.5, epsilon: 0.1, weight: 0.5}}
"""


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())
            if path.suffix == ".safetensors" or path.name == "config.json"}


class Rig:
    """A spool and what serves it, in a folder of its own."""

    def __init__(self, hub, name):
        self.hub = hub
        self.folder = FOLDER / name
        self.spool, self.models, self.output = (self.folder / part for part in ("spool", "models", "output"))
        self.models.mkdir(parents=True)
        settings = self.folder / "dellad.yaml"
        settings.write_text(
            f"spool: {self.spool}\noutput: {self.output}\nmodels: {self.models}\nmemory: 64M\n"
            f"fetch_command: '{HF} download {{model}} --revision {{revision}} {{include}}'\nfetch_space: 100%\n")
        self.settings = str(settings)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "HF_HOME": str(self.folder / "hf"), "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_XET": "1", "DELLAD_TEST_FETCH_DELAY": "300",
        }
        self.log = open(self.folder / "log", "ab")
        self.daemon = self.fetcher = None

    def start_daemon(self):
        self.daemon = self.process("serve")

    def start_fetcher(self):
        self.fetcher = self.process("fetch", "--watch")

    def process(self, *words):
        return subprocess.Popen(
            [DELLAD, *words, "--config", self.settings], env=self.environment, stdout=self.log, stderr=self.log)

    def stop(self):
        for process in (self.daemon, self.fetcher):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        self.log.close()

    def drop(self, text=CONFIG, name="seed"):
        incoming = self.spool / "incoming"
        wait(60, incoming.is_dir)
        (incoming / f".{name}").write_text(text)
        (incoming / f".{name}").rename(incoming / f"{name}.yml")

    def status(self, name="seed"):
        try:
            return json.loads((self.spool / "status" / f"{name}.json").read_text())
        except (OSError, ValueError):
            return {}

    def end(self, name="seed", seconds=240):
        wait(seconds, lambda: self.status(name).get("state") in ("done", "failed", "cancelled"), self.tell)
        return self.status(name)

    def tell(self):
        return f"{self.status()}\n{(self.folder / 'log').read_text()[-4000:]}"

    def check_models(self):
        """Whatever has a name is whole."""
        for snapshot in self.models.glob("models--*/snapshots/*"):
            name = snapshot.parent.parent.name.removeprefix("models--").replace("--", "/")
            expected = digests(self.hub.folder / name)
            assert digests(snapshot) == expected, f"{snapshot} is not what the hub has"

    def check_secrets(self):
        for path in [self.folder / "log", *self.spool.rglob("*"), *self.models.rglob("*.json")]:
            if path.is_file():
                assert TOKEN.encode() not in path.read_bytes(), f"{path} has the token"


def wait(seconds, condition, tell=lambda: ""):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {tell()}"
        time.sleep(0.05)


def run(hub, expected, name, faults=(), token=None, check=None):
    """One daemon, one job, some faults; the status at the end."""
    hub.faults[:] = list(faults)
    rig = Rig(hub, name)
    if token:
        rig.environment["HF_TOKEN"] = token
    begun = time.monotonic()
    rig.start_daemon()
    rig.start_fetcher()
    try:
        rig.drop()
        status = rig.end()
        rig.check_models()
        rig.check_secrets()
        if status["state"] == "done":
            assert digests(rig.output / "seed") == expected, "the merge is another"
        if check:
            check(rig, status)
        else:
            assert status["state"] == "done", rig.tell()
        print(f"fetch-from-hub: {name}: {status['state']}, {time.monotonic() - begun:.1f} s: {status['error'] or ''}")
        return rig, status
    except AssertionError as error:
        sys.exit(f"fetch-from-hub: {name}: {error}\n{rig.tell()}")
    finally:
        rig.stop()


def failed(*words, code=66):
    def check(rig, status):
        assert status["state"] == "failed", rig.tell()
        assert all(word in status["error"] for word in words), f"{words} are not in {status['error']}"
        assert status["exit_code"] == code, status["exit_code"]
        assert not list(rig.models.glob("models--org--base/snapshots/*")), "there is a model"
    return check


def main():
    hub = Hub(FOLDER / "hub", token=TOKEN)
    models = hub.folder / "org"
    models.mkdir(parents=True)
    for name, words in (("base", []), ("tune", ["--base", str(models / "base"), "--scale", "0.002"])):
        subprocess.run(
            [DELLAD, "synth", str(models / name), "--shape", "tiny", "--seed", "7", *words], check=True,
            stdout=subprocess.DEVNULL)
        (models / name / "README.md").write_text("not wanted")
        (models / name / "pytorch_model.bin").write_bytes(b"not wanted either" * 1000)
    (FOLDER / "seed.yml").write_text(CONFIG.replace("@v1", ""))
    (FOLDER / "expected").mkdir()
    subprocess.run(
        [DELLAD, "merge", str(FOLDER / "seed.yml"), str(FOLDER / "expected" / "seed"), "--models", str(hub.folder),
         "--memory", "64M"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    expected = digests(FOLDER / "expected" / "seed")

    def whole(rig, status):
        assert status["state"] == "done", rig.tell()
        record = json.loads((rig.output / "seed" / "dellad.json").read_text())
        commits = {entry["commit"] for entry in record["inputs"]}
        assert commits == {hub.commit("org/base"), hub.commit("org/tune")}, commits
        names = {path.name for path in rig.models.glob("models--*/snapshots/*/*")}
        assert "README.md" not in names and "pytorch_model.bin" not in names, names

    run(hub, expected, "plain", check=whole)
    asked = [path for method, path, _ in hub.requests if method == "GET" and path.startswith("/lfs/")]
    assert len(asked) == len(set(asked)), "a file was fetched twice"
    run(hub, expected, "reset", [Fault("reset", "/lfs/org/base/model", times=2, after=20_000, method="GET")])
    run(hub, expected, "busy", [Fault("status", "/api/models/org/base", times=2, code=429),
                                Fault("status", "/lfs/org/tune/", times=2, code=503)])
    run(hub, expected, "corrupt once", [Fault("corrupt", "/lfs/org/base/model", times=1, method="GET")])
    run(hub, expected, "corrupt", [Fault("corrupt", "/lfs/org/base/model", times=99, method="GET")],
        check=failed("SHA-256", code=65))
    run(hub, expected, "short", [Fault("short", "/lfs/org/base/model", times=99)], check=failed(code=65))
    run(hub, expected, "unauthorised", [Fault("status", "/api/models/org/base", times=99, code=401)],
        check=failed("401", "HF_TOKEN"))
    hub.gated.add("org/base")
    run(hub, expected, "gated", check=failed("requires approval", "accept its terms"))
    run(hub, expected, "gated with a token", token=TOKEN)
    hub.gated.clear()
    away = models / "away"
    (models / "base").rename(away)
    run(hub, expected, "no such model", check=failed("Model 'org/base' not found"))
    away.rename(models / "base")
    no_such_revision(hub)
    full(hub, expected)
    cancelled(hub)
    kills(hub, expected)
    foreground(hub, expected)
    hub.close()
    print("fetch-from-hub: all is as it should be")


def no_such_revision(hub):
    rig = Rig(hub, "no such revision")
    rig.start_daemon()
    rig.start_fetcher()
    try:
        rig.drop(CONFIG.replace("@v1", "@v9"))
        status = rig.end()
        assert status["state"] == "failed" and "Revision 'v9' not found" in status["error"], rig.tell()
        print(f"fetch-from-hub: no such revision: {status['error']}")
    finally:
        rig.stop()


def full(hub, expected):
    """A disk of less than the model, where a file system may be mounted."""
    rig = Rig(hub, "full")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", rig.models], capture_output=True).returncode:
        return print("fetch-from-hub: full: skipped, no file system may be mounted here")
    rig.start_daemon()
    rig.start_fetcher()
    try:
        rig.drop()
        status = rig.end()
        assert status["state"] == "failed" and status["exit_code"] == 74, rig.tell()
        assert "the disk lacks" in status["error"] or "No space left" in status["error"], status["error"]
        subprocess.run(["mount", "-o", "remount,size=100m", rig.models], check=True)
        (rig.spool / "incoming" / "seed.retry").write_text("")
        wait(120, lambda: rig.status().get("state") == "done", rig.tell)
        assert digests(rig.output / "seed") == expected, "the merge is another"
        print(f"fetch-from-hub: full: {status['error']}; then done")
    finally:
        rig.stop()
        subprocess.run(["umount", rig.models], check=False)


def cancelled(hub):
    hub.faults[:] = [Fault("slow", "/lfs/", times=99, after=2000, method="GET")]
    rig = Rig(hub, "cancelled")
    rig.start_daemon()
    rig.start_fetcher()
    try:
        rig.drop()
        wait(60, lambda: any(model["bytes_done"] for model in rig.status().get("fetching", [])), rig.tell)
        assert rig.status()["state"] == "fetching"
        assert any(model["bytes_total"] for model in rig.status()["fetching"]), rig.status()
        subprocess.run([DELLAD, "cancel", "seed", "--spool", str(rig.spool)], check=True, env=rig.environment)
        assert rig.end()["state"] == "cancelled", rig.tell()
        wait(20, lambda: not children(rig.fetcher.pid), rig.tell)
        assert not list((rig.spool / ".fetch").iterdir()), "a request is left"
        print("fetch-from-hub: cancelled: the download ended")
    finally:
        rig.stop()
        hub.faults.clear()


def children(pid):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def kills(hub, expected):
    chance = random.Random(SEED)
    print(f"fetch-from-hub: kills: SEED={SEED}")
    hub.faults[:] = [Fault("slow", "/lfs/", times=10_000, after=200_000, method="GET")]
    rig = Rig(hub, "kills")
    rig.start_daemon()
    rig.start_fetcher()
    try:
        rig.drop()
        count = 0
        while count < KILLS and rig.status().get("state") not in ("done", "failed"):
            time.sleep(chance.uniform(0.2, 6))
            victims = chance.choice([["fetcher"], ["daemon"], ["daemon", "fetcher"]])
            for victim in victims:
                process = getattr(rig, victim)
                process.kill()
                process.wait()
            rig.check_models()
            for victim in victims:
                getattr(rig, f"start_{victim}")()
            count += 1
        hub.faults.clear()
        status = rig.end()
        assert status["state"] == "done", rig.tell()
        rig.check_models()
        assert digests(rig.output / "seed") == expected, "the merge is another"
        print(f"fetch-from-hub: kills: done after {count}")
    except AssertionError as error:
        sys.exit(f"fetch-from-hub: kills: SEED={SEED}: {error}\n{rig.tell()}")
    finally:
        hub.faults.clear()
        rig.stop()


def foreground(hub, expected):
    rig = Rig(hub, "foreground")
    config = rig.folder / "seed.yml"
    config.write_text(CONFIG)
    words = ["--config", rig.settings]
    missing = subprocess.run([DELLAD, "check", config, *words], env=rig.environment, capture_output=True, text=True)
    assert missing.returncode == 66, missing
    check = subprocess.run([DELLAD, "check", config, "--fetch", *words], env=rig.environment, capture_output=True, text=True)
    assert check.returncode == 0 and "org/base: fetched at" in check.stderr, check
    shutil.rmtree(rig.models)
    rig.models.mkdir()
    merge = subprocess.run(
        [DELLAD, "merge", config, rig.folder / "seed", "--fetch", *words], env=rig.environment, capture_output=True, text=True)
    assert merge.returncode == 0, merge
    assert digests(rig.folder / "seed") == expected, "the merge is another"
    again = subprocess.run(
        [DELLAD, "fetch", "org/base", "org/tune@v1", *words], env=rig.environment, capture_output=True, text=True)
    assert again.returncode == 0 and again.stderr.count("is there") == 2, again
    rig.stop()
    print("fetch-from-hub: foreground: fetched, checked and merged")


main()
