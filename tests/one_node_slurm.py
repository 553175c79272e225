"""A Slurm of one node, with its own daemons, key and ports, in a folder.

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
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
SBIN = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=5
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=8000 State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why there can be no Slurm here; empty where there can."""
    lacking = [name for name in DAEMONS if not shutil.which(name, path=SBIN)]
    if lacking:
        return f"{', '.join(lacking)} not installed: apt-get install munge slurmctld slurmd"
    return "" if os.geteuid() == 0 else "only root can start Slurm's daemons"


@contextmanager
def one_node_slurm(folder: Path, cpus: int = 4) -> Iterator[dict[str, str]]:
    """The variables with which `sbatch` and others find the cluster, while the context is open."""
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().partition(".")[0]
    control, node = _free_ports(2)
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, control=control, node=node, folder=folder, cpus=cpus))
    (folder / "munge" / "key").write_bytes(os.urandom(1024))
    (folder / "munge" / "key").chmod(0o600)
    variables = {"SLURM_CONF": str(conf)}
    running = [_start(folder, "munged", "--foreground", "--force", *_munge(folder))]
    try:
        _wait_for((folder / "munge" / "socket").exists, "munged", folder)
        running.append(_start(folder, "slurmctld", "-D", "-f", str(conf)))
        running.append(_start(folder, "slurmd", "-D", "-f", str(conf)))
        _wait_for(lambda: _idle(variables), "slurmd", folder)
        yield variables
    finally:
        _end_jobs(variables)
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


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
    with (folder / f"{name}.out").open("wb") as log:
        return subprocess.Popen([program, *arguments], stdout=log, stderr=log)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _idle(variables: dict[str, str]) -> bool:
    command = ["sinfo", "--noheader", "--format=%t"]
    asked = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True)
    return asked.stdout.strip() == "idle"


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
