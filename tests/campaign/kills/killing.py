"""A command that is killed at a random moment, then run again, and compared with one that was not.

The moment is uniform over the time that an uninterrupted run takes. KILL is twice as likely as TERM
and INT, each to the whole group of processes, as a closed terminal or a batch system sends it.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil

from lm_geometry.workspace.faults import refuse_cut, refuse_cut_records
from tests.campaign.trials import Outcome, Trial

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LONGEST = 1800.0  # seconds after which a rerun has come to nothing
Environment = Mapping[str, str]
Bytes = dict[str, bytes]


class Victim(Protocol):
    """What can be killed."""

    kind: str
    in_a_row: int  # kills before the run that may go to its end, at most

    def fresh(self, folder: Path) -> Path:
        """A new project in `folder`, in which the command is to run: the folder of that."""
        ...

    def command(self, again: bool) -> list[str]:
        """The command, at first or after a kill."""
        ...

    def result(self, folder: Path) -> Bytes:
        """All that must be as after an uninterrupted run."""
        ...


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    printed: str


def trials(
    victim: Victim, numbers: Iterable[int], seed: int, environment: Environment, folder: Path
) -> Iterator[Trial]:
    """One for each number, by which its moments and signals are drawn; folders are taken away."""
    whole = victim.fresh(folder / "whole")
    began = time.monotonic()
    ended = run(victim.command(again=False), whole, environment)
    seconds = time.monotonic() - began
    assert ended.status == 0, ended.printed
    expected = victim.result(whole)
    for number in numbers:
        random = np.random.default_rng([seed, number, *victim.kind.encode()])
        place = victim.fresh(folder / str(number))
        moments = []
        for _ in range(random.integers(1, victim.in_a_row + 1)):
            moment, sent = seconds * random.random(), random.choice(SIGNALS)
            killed(victim.command(again=bool(moments)), place, environment, moment, sent)
            moments.append(f"{signal.Signals(sent).name} after {moment:.1f} of {seconds:.1f} s")
        outcome, told = after(victim, place, environment, expected)
        yield Trial(victim.kind, number, outcome, "; ".join([*moments, told]))
        if outcome == "survived":
            shutil.rmtree(folder / str(number))
    shutil.rmtree(folder / "whole")


def after(
    victim: Victim, place: Path, environment: Environment, expected: Bytes
) -> tuple[Outcome, str]:
    """What became of a project after kills, once the command ran again."""
    told = ""
    ended = run(victim.command(again=True), place, environment)
    while ended.status and (cut := cut_file(place)):
        told += f"{cut.name} was cut, and mended by the line that is told; "
        if cut.name == "dvc.lock":
            subprocess.run(["git", "checkout", "--quiet", "dvc.lock"], cwd=place, check=True)
        else:
            cut.unlink()
        ended = run(victim.command(again=True), place, environment)
    if ended.status:
        return "lost", f"{told}the rerun ended with {ended.status}: {ended.printed[-600:]}"
    found = victim.result(place)
    if found.keys() != expected.keys():
        return "lost", f"{told}files: {sorted(found.keys() ^ expected.keys())[:6]}"
    if other := [name for name, content in expected.items() if found[name] != content]:
        return "wrong", f"{told}other bytes: {other[:6]}"
    if left := half_written(place):
        return "lost", f"{told}half-written: {left[:6]}"
    if held := locked(place):
        return "lost", f"{told}locked: {held[:6]}"
    return "survived", told.rstrip("; ")


def killed(
    words: list[str], folder: Path, environment: Environment, moment: float, sent: int
) -> None:
    """Run a command and kill its group after `moment` seconds; it may have ended before."""
    with (folder.parent / f"{folder.name}.printed").open("ab") as file:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=file, stderr=file, process_group=0
        )
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, sent)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:  # what would not end on TERM or INT
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    wait_for_group(process.pid)


def wait_for_group(group: int) -> None:
    """Until no process of the group is there, nor a zombie, which DVC would take for a live one."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)


def run(words: list[str], folder: Path, environment: Environment) -> Ended:
    """A command to its end."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
    )
    try:
        printed, _ = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
        return Ended(-1, f"it did not end in {LONGEST:.0f} s: {printed}")
    except KeyboardInterrupt:  # which only the campaign itself gets
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Ended(process.returncode, printed)


def cut_file(folder: Path) -> Path | None:
    """The file of DVC's of which our commands, and `make`, would say how it is mended."""
    refusals = {
        folder / "dvc.lock": refuse_cut,
        folder / ".dvc" / "tmp" / "rwlock": refuse_cut_records,
    }
    for file, refuse in refusals.items():
        try:
            refuse(file)
        except ValueError:
            return file
    return None


def half_written(folder: Path) -> list[str]:
    """What was begun and never given its name, outside of git's and DVC's own folders.

    Objects of DVC's cache have a name once they are whole; what a kill left of one is no object.
    """
    found = (file.relative_to(folder) for file in folder.rglob("*.tmp"))
    return sorted(str(file) for file in found if file.parts[0] not in (".git", ".dvc"))


def locked(folder: Path) -> list[str]:
    """What DVC would take for read or written by somebody; a record of a dead process it ignores.

    Of files that no stage writes, such as params.yaml, such records stay for good.
    """
    file = folder / ".dvc" / "tmp" / "rwlock"
    text = file.read_text() if file.exists() else ""
    found = []
    for records in json.loads(text or "{}").values():
        for path, holders in records.items():
            listed = holders if isinstance(holders, list) else [holders]
            found += [path for holder in listed if psutil.pid_exists(holder["pid"])]
    return sorted(found)


def bytes_below(folder: Path, *names: str) -> Bytes:
    """Every file of these folders, or that these names are; links are followed."""
    found = {}
    for name in names:
        path = folder / name
        files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
        found |= {str(file.relative_to(folder)): file.read_bytes() for file in sorted(files)}
    return found
