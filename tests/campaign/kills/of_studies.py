"""A study of three experiments: in order, on DVC's queue, and as jobs of Slurm.

What is killed is the command that waits, what it waits for, or both, drawn at random.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from ruamel.yaml import YAML

from tests.campaign.kills.killing import SIGNALS, killed, run
from tests.campaign.trials import Outcome, Trial
from tests.study_project import StudyProject, new_project, short

STUDY = ["lm-geometry", "study", "s"]
OPTIONS = {"study": ["--jobs", "1"], "queue": ["--jobs", "2"], "Slurm jobs": ["--slurm"]}
ON_SLURM = {"partition": "debug", "time": "5:00", "memory": "1GB", "parallel": 2}


def trials(
    kind: str, numbers: Iterable[int], seed: int, environment: Mapping[str, str], folder: Path
) -> Iterator[Trial]:
    """One for each number: a kill at a random moment, then `--resume`."""
    words = [*STUDY, *OPTIONS[kind]]
    project = _project(folder / "whole", kind)
    began = time.monotonic()
    ended = run(words, project.folder, _own(project, environment))
    seconds, expected = time.monotonic() - began, outs_of_experiments(project)
    assert ended.status == 0, ended.printed
    assert len(expected) == 3, ended.printed
    for number in numbers:
        random = np.random.default_rng([seed, number, *kind.encode()])
        project = _project(folder / str(number), kind)
        own = _own(project, environment)
        moment, sent = seconds * random.random(), int(random.choice(SIGNALS))
        name, aimed = list(AIMS[kind].items())[random.integers(len(AIMS[kind]))]
        if aimed is None:
            killed(words, project.folder, own, moment, sent)
        else:
            _killed_beside(words, project.folder, own, moment, aimed)
        outcome, told = _after(project, [*words, "--resume"], own, expected)
        when = f"{signal.Signals(sent).name} of {name} after {moment:.1f} of {seconds:.1f} s"
        yield Trial(kind, number, outcome, f"{when}; {told}".rstrip("; "))
        _end_all_below(project.folder)
        if outcome == "survived":
            shutil.rmtree(folder / str(number))


Outs = dict[str, str]  # hash by path


def outs_of_experiments(project: StudyProject) -> dict[str, Outs]:
    """What DVC recorded of each experiment: the hashes of its outs."""
    references = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    named = {short(ref.rpartition("/")[2]): ref for ref in references if "/s-" in ref}
    locks = {name: project.run("git", "show", f"{ref}:dvc.lock") for name, ref in named.items()}
    return {name: _outs_in(lock) for name, lock in locks.items()}


def _outs_in(lock: str) -> Outs:
    stages = YAML(typ="safe").load(lock)["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}


def _after(
    project: StudyProject, words: list[str], own: Mapping[str, str], expected: dict[str, Outs]
) -> tuple[Outcome, str]:
    ended = run(words, project.folder, own)
    if ended.status:  # what was cancelled is told, and begun by the same line
        ended = run(words, project.folder, own)
    if ended.status:
        return "lost", f"the rerun ended with {ended.status}: {ended.printed[-600:]}"
    found = outs_of_experiments(project)
    if found.keys() != expected.keys():
        return "lost", f"experiments: {sorted(found)}"
    if found != expected:
        return "wrong", "other outs"
    if changed := project.run("git", "status", "--porcelain", "--", "params.yaml", "dvc.lock"):
        return "wrong", f"the workspace: {changed}"
    return "survived", ""


def _project(folder: Path, kind: str) -> StudyProject:
    project = new_project(folder)
    if kind == "Slurm jobs":
        project.write("slurm.yaml", ON_SLURM)
    return project


def _own(project: StudyProject, environment: Mapping[str, str]) -> dict[str, str]:
    names = ("PYTHONPATH", "DVC_SITE_CACHE_DIR", "LM_GEOMETRY_DOWNLOADS")
    return {**environment, **{name: project.environment[name] for name in names}}


def _killed_beside(
    words: list[str],
    folder: Path,
    environment: Mapping[str, str],
    moment: float,
    aimed: Callable[[Path], list[int]],
) -> None:
    """Start a study, KILL what it waits for after `moment` seconds, and wait until it ends."""
    with (folder.parent / "printed").open("ab") as file:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=file, stderr=file, process_group=0
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        for other in aimed(folder):
            with suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)
        try:
            process.wait(600)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _workers(folder: Path) -> list[int]:
    from lm_geometry.experiments.on_queue import workers

    return workers(folder)


def _jobs(folder: Path) -> list[int]:
    """The processes of jobs, in their clones, and what submitit started for them."""
    return [p.pid for p in _below(folder) if "submitit" in " ".join(p.cmdline())]


def _stages(folder: Path) -> list[int]:
    """The scripts of stages, wherever they run."""
    return [p.pid for p in _below(folder) if "stages/make.py" in " ".join(p.cmdline())]


AIMS: dict[str, dict[str, Callable[[Path], list[int]] | None]] = {
    "study": {"the command": None, "its stage": _stages},
    "queue": {"the command": None, "the queue's workers": _workers, "a stage": _stages},
    "Slurm jobs": {"the command": None, "the jobs": _jobs, "a stage": _stages},
}


def _below(folder: Path) -> list[psutil.Process]:
    """The processes whose folder is in the project."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, FileNotFoundError):
            if Path(process.cwd()).is_relative_to(folder) and process.pid != os.getpid():
                found.append(process)
    return found


def _end_all_below(folder: Path) -> None:
    """End what a queue left running in a project that goes away."""
    for process in _below(folder):
        with suppress(psutil.Error):
            process.kill()
