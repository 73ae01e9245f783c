#!/usr/bin/env python3
"""run_job.py DELLAD MANIFEST   Does with a manifest's Job what Kubernetes would, without Kubernetes.

Each index runs the container's command line with the variables of the manifest and JOB_COMPLETION_INDEX, and with its
volumes as temporary folders, in random order and three at a time. One is killed with -9 in the middle and one is asked to
stop, as a drained node asks; both are started again, by the rules of the manifest. The result must be what one process
makes of the same merge, byte for byte, but for the times and figures of the run in dellad.json.

Three more: an index that is started again when all is done, a second Job of the same merge, and one whose config is
another. SEED repeats the order of an earlier run. SHARDS and SHAPE say how much is merged: 24 and `demo` (0.6 GB).
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import yaml

DELLAD = os.path.realpath(sys.argv[1])
MANIFEST = pathlib.Path(sys.argv[2])
SEED = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
SHAPE = os.environ.get("SHAPE", "demo")
SHARD_SIZE = os.environ.get("SHARD_SIZE", "12MB")
PARALLEL = 3
# What differs between two merges of the same: when they ran, for how long, and with what.
OF_THE_RUN = re.compile("started|finished|seconds|resum|peak|memory|threads|engine|parts|host|simd|read|written|audit")


class Failure(Exception):
    pass


def check(condition, words):
    if not condition:
        raise Failure(words)


def ok(words):
    print(f"ok      {words}", flush=True)


class Job:
    """The manifest, and folders in place of its volumes."""

    def __init__(self, root, documents):
        self.spec = next(d for d in documents if d["kind"] == "Job")["spec"]
        self.maps = {d["metadata"]["name"]: d["data"] for d in documents if d["kind"] == "ConfigMap"}
        self.pod = self.spec["template"]["spec"]
        check(len(self.pod["containers"]) == 1, "the pod has one container")
        self.container = self.pod["containers"][0]
        self.root = root
        self.folders = {}
        volumes = {v["name"]: v for v in self.pod["volumes"]}
        for mount in self.container["volumeMounts"]:
            volume = volumes[mount["name"]]
            folder = root / mount["name"] / mount.get("subPath", "")
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in self.maps.get(volume.get("configMap", {}).get("name"), {}).items():
                (folder / name).write_text(text)
            self.folders[mount["mountPath"]] = folder
        self.environment = {e["name"]: e["value"] for e in self.container.get("env", [])}

    def mapped(self, word):
        """A word of the command line, with paths in volumes led to their folders."""
        for path, folder in self.folders.items():
            word = re.sub(rf"(^|=){re.escape(path)}(?=/|$)", lambda m: m.group(1) + str(folder), word)
        return word

    @property
    def arguments(self):
        return [self.mapped(word) for word in self.container["args"]]

    @property
    def config(self):
        return pathlib.Path(self.arguments[1])

    @property
    def output(self):
        return pathlib.Path(self.arguments[2])

    def start(self, index):
        """An index's process, with nothing in its environment but what Kubernetes gives it."""
        environment = {"PATH": os.environ["PATH"], "JOB_COMPLETION_INDEX": str(index), **self.environment}
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        log = open(self.root / f"log-{index}", "ab")
        return subprocess.Popen([DELLAD, *self.arguments], cwd="/", env=environment, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)

    def said(self, index):
        return (self.root / f"log-{index}").read_text(errors="replace")

    def action(self, code, disrupted):
        """What becomes of a pod that ended with a code: the first rule that fits, or another try."""
        if code == 0:
            return "Complete"
        for rule in self.spec.get("podFailurePolicy", {}).get("rules", []):
            for condition in rule.get("onPodConditions", []):
                if condition["type"] == "DisruptionTarget" and disrupted:
                    return rule["action"]
            codes = rule.get("onExitCodes")
            if codes and (code in codes["values"]) == (codes["operator"] == "In"):
                return rule["action"]
        return "Count"


def stated(job):
    """What the manifest must say for its parts to be a whole, beside what the schema asks."""
    spec, container = job.spec, job.container
    check(spec["completionMode"] == "Indexed", "completionMode is Indexed")
    check(str(spec["completions"]) == job.environment["DELLAD_PARTS"], "DELLAD_PARTS equals completions")
    check(spec["parallelism"] == spec["completions"], "all parts may run at once")
    check(job.pod["restartPolicy"] == "Never", "podFailurePolicy needs restartPolicy Never")
    policy = [(rule["action"], rule.get("onExitCodes", {}).get("values")) for rule in spec["podFailurePolicy"]["rules"]]
    check(policy == [("Ignore", None), ("FailJob", [64, 65, 66, 73, 78])], "the failure policy")
    resources = container["resources"]
    check(resources["requests"]["memory"] == resources["limits"]["memory"], "memory requested is the limit")
    budget = next(word for word in container["args"] if word.startswith("--memory=")).split("=")[1]
    check(budget.endswith("G"), "the budget is in G")
    check(resources["limits"]["memory"] == f"{int(budget[:-1]) * 1024 + 128}Mi", "the limit is the budget and 128 MiB")
    security = {**job.pod["securityContext"], **container["securityContext"]}
    check(security["runAsNonRoot"] and security["runAsUser"] > 0, "it does not run as root")
    check(security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"], "its root is read-only")
    check(job.pod["enableServiceLinks"] is False, "no Service sets variables of dellad's")
    ok("the manifest says of parts, memory and rights what belongs together")


def make_models(job):
    """The models that the config names, and shards enough for the parts."""
    config = yaml.safe_load(job.config.read_text())
    base, tunes = config["base_model"], [m["model"] for m in config["models"] if m["model"] != config["base_model"]]
    models = next(folder for path, folder in job.folders.items() if path == "/models")
    for number, name in enumerate([base, *tunes]):
        (models / name).parent.mkdir(parents=True, exist_ok=True)
        words = ["--base", models / base, "--scale", "0.01"] if number else []
        subprocess.run([DELLAD, "synth", models / name, "--shape", SHAPE, "--seed", str(number), *words], check=True,
                       stdout=subprocess.DEVNULL)
    text, count = re.subn(r"shard_size: \w+", f"shard_size: {SHARD_SIZE}", job.config.read_text())
    check(count == 1, "the config has a shard_size")
    job.config.write_text(text)


def one_process(job, name):
    """The same command without its parts, into a folder of the same name elsewhere."""
    output = job.root / "whole" / name
    output.parent.mkdir()
    words = [w for w in job.arguments if not w.startswith("--part") and w != "--assemble"]
    words[2] = str(output)
    subprocess.run([DELLAD, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return output


def written(job, index):
    """Bytes on disk of what an index is at: its journal grows once something of its part is durable."""
    count = job.environment["DELLAD_PARTS"]
    journal = job.output.parent / f".{job.output.name}.journals" / f"{index}-of-{count}.journal"
    try:
        return journal.stat().st_size
    except FileNotFoundError:
        return 0


def interrupt(job, index, signal_number):
    """Starts an index and sends it a signal in its middle. Its exit code, or None where it was too fast for that."""
    process = job.start(index)
    begun = None
    while process.poll() is None:
        size = written(job, index)
        if begun is None and size:
            begun = size
        # Its beginning is booked, and something after that.
        if begun is not None and size > begun:
            process.send_signal(signal_number)
            break
        time.sleep(0.0005)
    code = process.wait()
    return code if code else None


def run_all(job, choices):
    """Every index to its end, PARALLEL at a time, with one killed and one stopped; returns how often each was started."""
    count = job.spec["completions"]
    waiting = list(range(count))
    choices.shuffle(waiting)
    starts = dict.fromkeys(waiting, 0)
    pending = {"killed with -9": (signal.SIGKILL, False), "asked to stop": (signal.SIGTERM, True)}
    for words, (number, disrupted) in pending.items():
        for index in list(waiting):
            code = interrupt(job, index, number)
            starts[index] += 1
            if code is None:
                waiting.remove(index)
                continue
            check(code == (-number if number == signal.SIGKILL else 130), f"index {index}, {words}, ended with {code}")
            action = job.action(code if code > 0 else 128 - code, disrupted)
            check(action == ("Ignore" if disrupted else "Count"), f"{words}: {action}")
            ok(f"index {index} was {words} in its middle")
            # Others first.
            waiting.remove(index)
            waiting.append(index)
            break
        else:
            raise Failure(f"no index was slow enough to be {words}: SHAPE=nemo-4l makes larger parts")
    running = {}
    while waiting or running:
        while waiting and len(running) < PARALLEL:
            index = waiting.pop(0)
            starts[index] += 1
            running[job.start(index)] = index
        for process, index in list(running.items()):
            code = process.poll()
            if code is None:
                continue
            del running[process]
            action = job.action(code if code >= 0 else 128 - code, False)
            check(action == "Complete", f"index {index} ended with {code}: {action}\n{job.said(index)}")
        time.sleep(0.01)
    return starts


def plain(value):
    """A record without what is of its run."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if not OF_THE_RUN.search(key)}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def compare(whole, parts):
    names = sorted(p.name for p in whole.iterdir())
    check(names == sorted(p.name for p in parts.iterdir()), f"the same files: {names}")
    shards = [name for name in names if name.endswith(".safetensors")]
    for name in names:
        left, right = (whole / name).read_bytes(), (parts / name).read_bytes()
        if name == "dellad.json":
            left, right = (plain(json.loads(text)) for text in (left, right))
        check(left == right, f"{name} is the same")
    ok(f"{len(shards)} shards and {len(names) - len(shards)} other files are those of one process")
    left_over = [p.name for p in parts.parent.iterdir() if p.name != parts.name]
    check(not left_over, f"nothing is left beside the output: {left_over}")


def run(root, choices):
    job = Job(root, list(yaml.safe_load_all(MANIFEST.read_text())))
    stated(job)
    make_models(job)
    whole = one_process(job, job.output.name)
    starts = run_all(job, choices)
    check(job.output.is_dir(), "the last index to end published the model")
    again = sum(n - 1 for n in starts.values())
    ok(f"{len(starts)} indices ended with 0, {again} of them at the second try; the last published the model")
    compare(whole, job.output)
    for index in (0, len(starts) - 1):
        check(job.start(index).wait() == 0, "an index that is started again when all is done ends with 0")
    ok("a second Job of the same merge finds it done")
    job.config.write_text(job.config.read_text().replace("weight: 1.0", "weight: 0.5"))
    code = job.start(3).wait()
    check(job.action(code, False) == "FailJob", f"another config ends with {code}")
    ok(f"a Job of another config ends with {code} and is not tried again")


def main():
    print(f"kubernetes: SEED={SEED}", flush=True)
    root = pathlib.Path(tempfile.mkdtemp(prefix="dellad-kubernetes-"))
    try:
        run(root, random.Random(SEED))
    except Failure as failure:
        print(f"not ok  {failure}", flush=True)
        for log in sorted(root.glob("log-*")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}", flush=True)
        sys.exit(1)
    finally:
        shutil.rmtree(root)


main()
