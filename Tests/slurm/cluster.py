"""A Slurm on this machine alone: munged, slurmctld and a slurmd for each logical node, on 127.0.0.1, in one folder."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

CONFIGURATION = """\
ClusterName=dellad
SlurmctldHost={host}({address})
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job starts again after cred_expire seconds: 120 by default.
AuthInfo=socket={folder}/munge/socket,cred_expire=5
{listen}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldDebug=verbose
SlurmdDebug=verbose
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# The nodes have more cores than the machine.
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=100000,bf_interval=1
PropagateResourceLimits=NONE
JobRequeue=1
ReturnToService=1
SlurmdTimeout={lost_after}
MessageTimeout=5
KillWait=5
MinJobAge=600
NodeName={nodes} NodeHostname={host} NodeAddr={address} Port={node_ports} CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes={most} Default=YES MaxTime=INFINITE State=UP
PartitionName=minute Nodes={last} MaxTime=1 State=UP
"""


class CannotStart(Exception):
    """Slurm cannot run here: a reason to skip the test, not to fail it."""


def free_ports(count):
    """As many neighbouring ports, free on 127.0.0.1 and below those that connections take."""
    for first in range(23000 + os.getpid() % 4000, 32000, count):
        held = []
        try:
            for port in range(first, first + count):
                held.append(socket.socket())
                held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                held[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for each in held:
                each.close()
    raise CannotStart("no ports are free")


def own_address(host):
    """This machine's for itself, and how daemons listen on it alone: they look up the host's name for that."""
    try:
        address = socket.gethostbyname(host)
    except OSError:
        address = ""
    if address.startswith("127."):
        return address, "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny"
    return "127.0.0.1", ""


def environment_of(pid):
    pairs = pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def open_files(pid):
    folder = pathlib.Path(f"/proc/{pid}/fd")
    return {os.readlink(each) for each in folder.iterdir()}


class Cluster:
    lost_after = 12

    def __init__(self, folder, nodes):
        self.folder = folder
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.environment = dict(os.environ, SLURM_CONF=str(folder / "slurm.conf"))
        self.daemons = {}

    def start(self):
        host = socket.gethostname().split(".")[0]
        address, listen = own_address(host)
        first = free_ports(len(self.nodes) + 1)
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                host=host, address=address, listen=listen, folder=self.folder, lost_after=self.lost_after,
                controller_port=first, node_ports=f"[{first + 1}-{first + len(self.nodes)}]",
                nodes=f"n[1-{len(self.nodes)}]", most=f"n[1-{len(self.nodes) - 1}]", last=self.nodes[-1]))
        version = subprocess.run(["slurmd", "-V"], capture_output=True, text=True).stdout.strip()
        # Older ones know no such value, and use none where no plugin asks.
        if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) >= (23, 11):
            (self.folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n")
        (self.folder / "state").mkdir()
        self.start_munge()
        self.launch("slurmctld", ["slurmctld", "-D"])
        for node in self.nodes:
            self.start_node(node)
        self.wait_for(
            lambda: all(self.node_state(node) == "idle" for node in self.nodes), 30, CannotStart,
            "the nodes do not come up")
        return f"{version}, {len(self.nodes)} nodes"

    def start_munge(self):
        munge = self.folder / "munge"
        munge.mkdir(mode=0o755)
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o400)
        self.launch("munged", ["munged", "--foreground", "--force", *(
            f"--{name}={munge / file}" for name, file in [
                ("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("seed-file", "seed")])])
        self.wait_for((munge / "socket").exists, 10, CannotStart, "munged does not start")

    def start_node(self, node):
        self.launch(node, ["slurmd", "-D", "-N", node])

    def launch(self, name, command):
        with open(self.folder / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.environment, start_new_session=True)

    def wait_for(self, condition, seconds, error, message):
        end = time.monotonic() + seconds
        while not condition():
            dead = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            if dead or time.monotonic() > end:
                raise error(f"{message}: {', '.join(dead) + ' ended' if dead else f'not in {seconds} s'}")
            time.sleep(0.1)

    def ask(self, *command, check=True, user=None, **more):
        """What a command of Slurm's prints."""
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, user=user, group=user,
            extra_groups=None if user is None else [], **{"env": self.environment, **more})
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout.strip()

    def set_node(self, node, state):
        self.ask("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")

    def node_state(self, node):
        return self.ask("sinfo", "-h", "-n", node, "-o", "%T", check=False).split("\n")[0].rstrip("*")

    def restart_node(self, node):
        """Starts the slurmd of a node that was lost."""
        self.start_node(node)
        self.wait_for(lambda: self.node_state(node) == "idle", 20, AssertionError, f"{node} does not come back")

    def lose_daemon(self, node):
        """Ends a node's slurmd, but nothing that it runs, as where the network is cut."""
        daemon = self.daemons.pop(node)
        daemon.kill()
        daemon.wait()

    def lose_node(self, node):
        """Ends a node's slurmd and all that it runs, as where a machine loses its power."""
        self.lose_daemon(node)
        log = str(self.folder / f"slurmd-{node}.log")
        # A slurmstepd writes its name over its environment; it has the node's log open.
        self.kill_where(lambda pid: environment_of(pid).get("SLURMD_NODENAME") == node or log in open_files(pid))

    def kill_where(self, condition):
        """Kills this cluster's processes that meet a condition."""
        configuration, ours = str(self.folder / "slurm.conf"), str(self.folder) + "/"

        def found(pid):
            try:
                is_ours = environment_of(pid).get("SLURM_CONF") == configuration or any(
                    file.startswith(ours) for file in open_files(pid))
                return pid != os.getpid() and is_ours and condition(pid)
            except OSError:
                return False  # gone, or the kernel's

        for _ in range(100):
            pids = [int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]
            pids = [pid for pid in pids if found(pid)]
            if not pids:
                return
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)

    def stop(self):
        """Ends every process of it. May be called at any time."""
        for daemon in self.daemons.values():
            daemon.terminate()
        time.sleep(0.3)
        self.kill_where(lambda _: True)
        for daemon in self.daemons.values():
            daemon.kill()
            daemon.wait()
        self.daemons.clear()
