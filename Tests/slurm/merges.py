"""Merges of one model by parts, what runs of them, and their comparison with one process's."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

USER = 65534  # nobody: what a user may do must be enough
PARTS = 8
SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "contrib/slurm/dellad.sbatch"
CONFIG = """\
base_model: base
merge_method: della
dtype: bfloat16
dellad: {shard_size: 8MB}
models:
  - model: tuned
    parameters: {density: 0.5, epsilon: 0.15, weight: 0.6}
"""


def until(condition, seconds, what):
    """The first value of a condition that is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(0.02)
    return value


def stop(pid):
    """Holds a process; whether there is one to be held."""
    try:
        os.kill(pid, signal.SIGSTOP)
        while (state := pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0]) in "RSD":
            time.sleep(0.001)
        return state == "T"  # not Z: it has ended
    except (ProcessLookupError, FileNotFoundError):
        return False


def release(pid):
    """Lets a process that is held go on, if Slurm has not, as it does with those that it ends."""
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


class Merges:
    """Folders, models and the reference."""

    def __init__(self, cluster, dellad, folder):
        self.cluster = cluster
        self.dellad = dellad
        self.folder = folder
        self.models = folder / "models"
        self.models.mkdir(parents=True)
        self.config = folder / "merge.yml"
        self.config.write_text(CONFIG)
        # A user need not be able to read the folder that this is in.
        self.script = shutil.copy(SCRIPT, folder)
        # One thread of plain arithmetic, so that a part takes long enough to be interrupted.
        self.environment = dict(
            cluster.environment, DELLAD=str(dellad), DELLAD_SIMD="baseline", RETRY_AFTER="1", HOME=str(folder))
        self.options = ["--models", self.models, "--memory", "64M", "--threads", "1"]

    def prepare(self):
        """Makes the models and merges them by one process; says what that took."""
        for name, more in [("base", []), ("tuned", ["--base", self.models / "base", "--seed", "5"])]:
            self.run("synth", self.models / name, "--shape", "demo", *more)
        self.alone = self.new("alone")
        begun = time.monotonic()
        self.run("merge", self.config, self.alone, *self.options)
        took = time.monotonic() - begun
        division = json.loads(self.run("check", self.config, "--json", "--parts", str(PARTS), *self.options))["parts"]
        self.shards = [len(part["shards"]) for part in division["parts"]]
        assert sum(count > 2 for count in self.shards) >= PARTS - 2, f"parts of {self.shards} shards are too small"
        return f"{sum(self.shards)} shards by one process in {took:.1f} s"

    def run(self, *command):
        done = subprocess.run(
            [self.dellad, *command], capture_output=True, text=True, env=self.environment, timeout=120)
        assert done.returncode == 0, f"dellad {command[0]}: {done.stderr}"
        return done.stdout

    def new(self, name):
        """Where a merge goes: every one has the same name, as the model card says it."""
        folder = self.folder / name
        folder.mkdir()
        os.chown(folder, USER, USER)
        self.latest = folder / "merged"
        return self.latest

    def submit(self, out, *options, more=(), environment=None):
        """Submits the script as a user would, and returns the job's number."""
        said = self.cluster.ask(
            "sbatch", "--parsable", "--cpus-per-task=2", "--mem=100", *options, self.script, self.config, out,
            *self.options, *more, user=USER, cwd=out.parent, env={**self.environment, **(environment or {})})
        return said.split(";")[0]

    def submit_parts(self, out, *options, **more):
        return self.submit(out, f"--array=0-{PARTS - 1}", *options, **more)

    def submit_assembly(self, out, parts, *options):
        return self.submit(out, f"--dependency=afterok:{parts}", "--kill-on-invalid-dep=yes", *options)

    def states(self, job):
        """The state of each task of a job."""
        lines = self.cluster.ask("squeue", "-h", "-a", "-r", "-t", "all", "-j", job, "-o", "%K %T").splitlines()
        return {task: state for task, state in (line.split() for line in lines)}

    def ended(self, *jobs):
        """Waits until all tasks of jobs have ended, and well."""
        live = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "REQUEUED"}
        for job in jobs:
            until(lambda: not live & set(self.states(job).values()), 90, f"job {job} ends")
            states = self.states(job)
            assert set(states.values()) == {"COMPLETED"}, f"job {job}: {states}"

    def log(self, out, job, task=None):
        file = out.parent / (f"slurm-{job}.out" if task is None else f"slurm-{job}_{task}.out")
        return file.read_text(errors="replace") if file.exists() else ""

    def started(self, out, job, task):
        """The nodes on which a task was started, in order."""
        return re.findall(r"^dellad.sbatch: dellad merge .* on (\S+), restart", self.log(out, job, task), re.MULTILINE)

    def running(self, out):
        """Pid and node of the processes that build parts, by the job's number and the task's."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if "--part" not in words or str(out) not in words:
                    continue
                environment = dict(
                    pair.split("=", 1) for pair in (entry / "environ").read_text(errors="replace").split("\0")
                    if "=" in pair)
                key = environment["SLURM_ARRAY_JOB_ID"], int(environment["SLURM_ARRAY_TASK_ID"])
                found[key] = int(entry.name), environment["SLURMD_NODENAME"]
            except (OSError, KeyError):
                continue
        return found

    def journal(self, out, task):
        """The records of a part's journal."""
        file = out.parent / f".{out.name}.journals" / f"{task}-of-{PARTS}.journal"
        try:
            lines = file.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line[9:]) for line in lines if re.match("[0-9a-f]{8} .*}$", line)]

    def written(self, out, task):
        return sum(record["record"] == "written" for record in self.journal(out, task))

    def hold(self, out, job, but=None):
        """Stops a part in the middle, where some but not all of it is on the disk. Returns task, pid and node.

        It takes none on the node `but`.
        """
        def middle(task, pid):
            """Whether it is stopped there; it goes on in small steps until then, and may end meanwhile."""
            end = time.monotonic() + 60
            while stop(pid):
                assert time.monotonic() < end, f"part {task} writes nothing"
                written = self.written(out, task)
                if 0 < written < self.shards[task]:
                    return True
                release(pid)
                time.sleep(0.01)
            return False

        def caught():
            for (of, task), (pid, node) in self.running(out).items():
                if of == job and node != but and self.shards[task] > 2 and middle(task, pid):
                    return task, pid, node
            return None

        return until(caught, 60, "a part is caught in the middle")

    def resumed(self, out, task):
        """That the part went on from what it had."""
        records = self.journal(out, task)
        kinds = [record["record"] for record in records]
        assert kinds.count("began") == 1 and kinds[0] == "began", f"part {task} began anew: {kinds}"
        assert "resumed" in kinds, f"part {task} was not resumed: {kinds}"
        at = kinds.index("resumed")
        done = {record["shard"] for record in records[:at] if record["record"] == "written" and record["whole"]}
        again = {record["shard"] for record in records[at:] if record["record"] == "written"}
        # One that is told to stop makes durable what it has, which may be all of a small part.
        assert done and not done & again, f"part {task} wrote {done}, then {again}"
        return f"part {task} had {len(done)} shards, and wrote the other {len(again)} when it went on"

    def same(self, out):
        """That a merge has the files of the reference, byte by byte, and left nothing beside it."""
        ours, theirs = self.contents(out), self.contents(self.alone)
        different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        assert not different, f"{out}: {', '.join(different)} differ from the merge by one process"
        left = [each.name for each in out.parent.iterdir() if each.name.startswith(f".{out.name}.")]
        assert not left, f"left behind: {left}"
        shutil.rmtree(out)

    @staticmethod
    def contents(folder):
        """The content of each file; of the record without times and what the audit drew, which is random."""
        found = {}
        for file in folder.iterdir():
            content = file.read_bytes()
            if file.name == "dellad.json":
                record = json.loads(content)
                assert record.pop("audit")["rows"] > 0, f"{folder}: not audited"
                del record["seconds"]
                content = json.dumps(record).encode()
            found[file.name] = hashlib.sha256(content).hexdigest()
        return found
