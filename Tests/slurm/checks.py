"""The checks of contrib/slurm/dellad.sbatch on a real Slurm: see run."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from cluster import CannotStart, Cluster
from merges import PARTS, USER, Merges, release, until


def parts_and_assembly(merges):
    """eight parts, and the assembly after them"""
    out = merges.new("plain")
    parts = merges.submit_parts(out)
    assembly = merges.submit_assembly(out, parts)
    merges.ended(parts, assembly)
    merges.same(out)
    nodes = {node for task in range(PARTS) for node in merges.started(out, parts, task)}
    return f"on {len(nodes)} nodes"


def last_part_assembles(merges):
    """three at a time with --assemble, which leaves the assembly to the part that ends last"""
    out = merges.new("assemble")
    parts = merges.submit(out, f"--array=0-{PARTS - 1}%3", more=["--assemble"])
    merges.ended(parts)
    merges.same(out)


def killed_part(merges):
    """a part killed with -9"""
    out = merges.new("killed")
    parts = merges.submit_parts(out)
    assembly = merges.submit_assembly(out, parts)
    task, pid, _ = merges.hold(out, parts)
    os.kill(pid, signal.SIGKILL)
    # Its journal goes with the assembly.
    merges.cluster.ask("scontrol", "hold", assembly)
    merges.ended(parts)
    found = merges.resumed(out, task)
    assert "it was killed: requeued, restart 1 of at most 20" in merges.log(out, parts, task)
    merges.cluster.ask("scontrol", "release", assembly)
    merges.ended(assembly)
    merges.same(out)
    return found


def failed_part(merges):
    """a part that may not restart, submitted again by its number"""
    out = merges.new("failed")
    parts = merges.submit_parts(out, environment={"RESTARTS": "0"})
    assembly = merges.submit_assembly(out, parts)
    task, pid, _ = merges.hold(out, parts)
    os.kill(pid, signal.SIGKILL)
    until(lambda: set(merges.states(parts).values()) == {"COMPLETED", "FAILED"}, 60, "the parts end")
    assert merges.states(parts)[str(task)] == "FAILED"
    assert "it was killed, and not requeued after 0 restarts" in merges.log(out, parts, task)
    # No assembly without it.
    until(lambda: set(merges.states(assembly).values()) == {"CANCELLED"}, 60, "the assembly is given up")
    assert not out.exists()
    again = merges.submit(out, f"--array={task}", environment={"DELLAD_PARTS": str(PARTS)})
    merges.ended(again)
    found = merges.resumed(out, task)
    merges.ended(merges.submit_assembly(out, again))
    merges.same(out)
    return found


def cancelled(merges):
    """all parts cancelled in the middle, and submitted again"""
    out = merges.new("cancelled")
    parts = merges.submit_parts(out)
    task, _, _ = merges.hold(out, parts)
    # Slurm lets a process that is stopped go on, for it to end.
    merges.cluster.ask("scancel", parts, user=USER)
    until(lambda: "interrupted" in merges.log(out, parts, task), 30, "the part stops")
    until(lambda: not merges.running(out), 30, "the parts stop")
    time.sleep(1)
    states = merges.states(parts)
    assert states[str(task)] == "CANCELLED" and set(states.values()) <= {"COMPLETED", "CANCELLED"}, states
    again = merges.submit_parts(out)
    merges.ended(again)
    found = merges.resumed(out, task)
    merges.ended(merges.submit_assembly(out, again))
    merges.same(out)
    return found


def drained_and_down(merges):
    """a node drained and one down in the middle"""
    out = merges.new("drained")
    parts = merges.submit_parts(out)
    assembly = merges.submit_assembly(out, parts)
    first, pid, drained = merges.hold(out, parts)
    second, other, down = merges.hold(out, parts, but=drained)
    merges.cluster.ask("scontrol", "hold", assembly)
    merges.cluster.set_node(drained, "drain")
    merges.cluster.set_node(down, "down")
    release(pid)
    release(other)
    merges.ended(parts)
    assert len(merges.started(out, parts, first)) == 1, "what ran on a drained node was not let end"
    assert "interrupted" in merges.log(out, parts, second), "what ran on a node that is down was not let stop"
    nodes = merges.started(out, parts, second)
    assert nodes[0] == down != nodes[-1], f"part {second} ran on {nodes}"
    found = merges.resumed(out, second)
    later = [node for task in range(PARTS) for node in merges.started(out, parts, task)[1:]]
    assert drained not in later and down not in later
    for node in (drained, down):
        merges.cluster.set_node(node, "resume")
    merges.cluster.ask("scontrol", "release", assembly)
    merges.ended(assembly)
    merges.same(out)
    return f"{found}, on {nodes[-1]} after {down}"


def lost_and_cut_off(merges):
    """a node lost, and one cut off whose part goes on by itself"""
    out = merges.new("lost")
    parts = merges.submit_parts(out)
    assembly = merges.submit_assembly(out, parts)
    first, _, lost = merges.hold(out, parts)
    second, pid, cut = merges.hold(out, parts, but=lost)
    merges.cluster.ask("scontrol", "hold", assembly)
    begun = time.monotonic()
    merges.cluster.lose_node(lost)
    merges.cluster.lose_daemon(cut)
    # Its part is tried elsewhere, and is still under way here.
    until(lambda: "another process is at it" in merges.log(out, parts, second), 60, "the second try meets the first")
    noticed = time.monotonic() - begun
    release(pid)
    merges.ended(parts)
    found = merges.resumed(out, first)
    assert merges.started(out, parts, first)[-1] != lost
    merges.cluster.ask("scontrol", "release", assembly)
    merges.ended(assembly)
    merges.same(out)
    for node in (lost, cut):
        merges.cluster.restart_node(node)
    return f"{found}; part {second} waited for its first process (seen {noticed:.0f} s after the loss)"


def submitted_twice(merges):
    """the same merge submitted twice at once"""
    out = merges.new("twice")
    first = merges.submit_parts(out)
    task, pid, _ = merges.hold(out, first)
    second = merges.submit_parts(out)
    until(lambda: "another process is at it" in merges.log(out, second, task), 60, "the second meets the first")
    release(pid)
    assemblies = merges.submit_assembly(out, first), merges.submit_assembly(out, second)
    merges.ended(first, second, *assemblies)
    merges.same(out)
    return f"part {task} of the second was requeued until the first's was done"


class TimeLimit:
    """a time limit hit in the middle

    Slurm's smallest is a minute: it passes on a node of its own while the other checks run.
    """

    def __init__(self, merges):
        self.merges = merges
        self.out = merges.new("limit")
        # Slurm looks every 30 s: the signal comes between 20 and 50 s after the start.
        self.parts = merges.submit_parts(self.out, "--partition=minute", "--time=1", "--signal=B:USR1@10")
        self.task, self.pid, _ = merges.hold(self.out, self.parts)
        self.begun = time.monotonic()
        self.told = None
        threading.Thread(target=self.go_on, daemon=True).start()

    def go_on(self):
        """Lets the part go on once its script was told that the limit is near: then the signal for it waits."""
        until(self.warned, 70, "Slurm says that the time limit is near")
        self.told = time.monotonic() - self.begun
        release(self.pid)

    def warned(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        pending = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("ShdPnd"))
        return pending & 1 << signal.SIGTERM - 1

    def finish(self):
        merges, out = self.merges, self.out
        until(lambda: self.told, 70, "Slurm says that the time limit is near")
        merges.ended(self.parts)
        assert "the time limit is near (USR1): requeued, restart 1 of at most 20" in merges.log(out, self.parts, self.task)
        found = merges.resumed(out, self.task)
        assert merges.log(out, self.parts, self.task).endswith(", resumed\n"), "the log says nothing of it"
        merges.ended(merges.submit_assembly(out, self.parts))
        merges.same(out)
        return f"told after {self.told:.0f} s; {found}"


CHECKS = [
    parts_and_assembly, last_part_assembles, killed_part, failed_part, cancelled, drained_and_down,
    lost_and_cut_off, submitted_twice]


def run_checks(merges):
    limit = TimeLimit(merges)
    passed = 0
    for check in [*CHECKS, None]:
        name = (check or TimeLimit).__doc__.splitlines()[0]
        begun = time.monotonic()
        try:
            found = limit.finish() if check is None else check(merges)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            print(f"not ok  {name}\n        {type(error).__name__}: {error}", flush=True)
            return passed, 1
        print(f"ok      {name:72} {time.monotonic() - begun:5.1f} s", flush=True)
        if found:
            print(f"        {found}", flush=True)
        passed += 1
    return passed, 0


def show_logs(cluster, merges=None):
    """The ends of what Slurm said, and the jobs of the last check."""
    files = list(cluster.folder.glob("*.log")) or list(cluster.folder.glob("*.out"))
    if merges:
        files += merges.latest.parent.glob("slurm-*.out")
    for file in sorted(files):
        lines = file.read_text(errors="replace").splitlines()[-10:]
        print(f"        {file.name}", *lines, sep="\n        | ", flush=True)


def main(dellad):
    def terminate(number, _):
        raise SystemExit(128 + number)

    signals = signal.SIGTERM, signal.SIGINT, signal.SIGHUP
    for each in signals:
        signal.signal(each, terminate)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dellad-slurm-", dir="/var/tmp"))
    cluster = Cluster(folder, nodes=5)
    try:
        folder.chmod(0o755)
        try:
            print(f"slurm test: {cluster.start()}", flush=True)
        except CannotStart as error:
            show_logs(cluster)
            print(f"slurm test: SKIPPED: {error}")
            return 0
        # Nobody may read the folder that it was built in.
        merges = Merges(cluster, shutil.copy(dellad, folder / "dellad"), folder / "merges")
        print(f"slurm test: {merges.prepare()}", flush=True)
        begun = time.monotonic()
        passed, failed = run_checks(merges)
        if failed:
            show_logs(cluster, merges)
        print(f"slurm test: {passed} passed, {failed} failed, in {time.monotonic() - begun:.0f} s")
        return failed
    finally:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
