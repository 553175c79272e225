"""A Slurm of one node or several on this machine, with its own daemons, key and ports, in a folder.

It needs Debian's packages munge, slurmctld, slurmd and slurm-client, and root.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
SBIN = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=5
MinJobAge=300
SlurmdTimeout=10
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=first Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=9
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} "
    "RealMemory=8000 State=UNKNOWN"
)


@dataclass
class Cluster:
    """A running Slurm: how commands find it, and its daemons, to be killed."""

    folder: Path
    variables: dict[str, str]
    munged: "subprocess.Popen[bytes]"
    controller: "subprocess.Popen[bytes]"
    nodes: dict[str, "subprocess.Popen[bytes]"]

    def start_controller(self) -> None:
        """Start slurmctld, which finds the jobs of before."""
        conf = self.variables["SLURM_CONF"]
        self.controller = _start(self.folder, "slurmctld", "-D", "-f", conf)

    def start_node(self, name: str) -> None:
        """Start the slurmd of a node."""
        self.nodes[name] = _start_node(self.folder, self.variables["SLURM_CONF"], name)


def missing() -> str:
    """Why there can be no Slurm here; empty where there can."""
    lacking = [name for name in DAEMONS if not shutil.which(name, path=SBIN)]
    if lacking:
        return f"{', '.join(lacking)} not installed: apt-get install munge slurmctld slurmd"
    return "" if os.geteuid() == 0 else "only root can start Slurm's daemons"


@contextmanager
def one_node_slurm(folder: Path, cpus: int = 4) -> Iterator[dict[str, str]]:
    """The variables with which `sbatch` and others find the cluster, while the context is open."""
    with slurm(folder, nodes=1, cpus=cpus) as cluster:
        yield cluster.variables


@contextmanager
def slurm(folder: Path, nodes: int, cpus: int = 4) -> Iterator[Cluster]:
    """A cluster of so many nodes, all of them on this machine, while the context is open."""
    for name in ("munge", "state"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().partition(".")[0]
    names = [host] if nodes == 1 else [f"node{number}" for number in range(1, nodes + 1)]
    control, *ports = _free_ports(1 + nodes)
    told = [
        NODE.format(name=name, host=host, port=port, cpus=cpus)
        for name, port in zip(names, ports, strict=True)
    ]
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, control=control, folder=folder, nodes="\n".join(told)))
    (folder / "munge" / "key").write_bytes(os.urandom(1024))
    (folder / "munge" / "key").chmod(0o600)
    variables = {"SLURM_CONF": str(conf)}
    munged = _start(folder, "munged", "--foreground", "--force", *_munge(folder))
    cluster = None
    try:
        _wait_for((folder / "munge" / "socket").exists, "munged", folder)
        controller = _start(folder, "slurmctld", "-D", "-f", str(conf))
        cluster = Cluster(folder, variables, munged, controller, {})
        for name in names:
            cluster.start_node(name)
        _wait_for(lambda: _idle(variables, nodes), "slurmd", folder)
        yield cluster
    finally:
        _end_jobs(variables)
        running = [munged]
        if cluster is not None:
            running += [cluster.controller, *cluster.nodes.values()]
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _start_node(folder: Path, conf: str, name: str) -> "subprocess.Popen[bytes]":
    (folder / f"spool-{name}").mkdir(exist_ok=True)
    return _start(folder, "slurmd", "-D", "-f", conf, "-N", name)


def _end_jobs(variables: dict[str, str]) -> None:
    """Cancel every job, and wait until its processes are gone, which outlive the daemons."""
    environment = os.environ | variables
    subprocess.run(["scancel", "--user=root"], env=environment, capture_output=True)
    for _ in range(100):
        asked = subprocess.run(["squeue", "-h"], env=environment, capture_output=True, text=True)
        if not asked.stdout.strip():
            return
        time.sleep(0.2)


def _munge(folder: Path) -> list[str]:
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    return [f"--{option}={folder}/munge/{file}" for option, file in files.items()]


def _start(folder: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    program = shutil.which(name, path=SBIN)
    assert program is not None
    with (folder / f"{name}.out").open("ab") as log:
        return subprocess.Popen([program, *arguments], stdout=log, stderr=log)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _idle(variables: dict[str, str], nodes: int) -> bool:
    command = ["sinfo", "--noheader", "--Node", "--partition=debug", "--format=%t"]
    asked = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True)
    return asked.stdout.split() == ["idle"] * nodes


def _wait_for(condition: Callable[[], bool], name: str, folder: Path) -> None:
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            logs = "\n".join(f.read_text()[-2000:] for f in folder.glob("*.[lo][ou][gt]"))
            raise RuntimeError(f"{name} did not start:\n{logs}")
        time.sleep(0.1)


def main() -> None:
    """Start one in the folder that is named, until Ctrl-C."""
    if why := missing():
        raise SystemExit(why)
    with one_node_slurm(Path(sys.argv[1]).absolute()) as variables:
        print("\n".join(f"export {name}={value}" for name, value in variables.items()), flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
