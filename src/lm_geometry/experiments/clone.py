"""One experiment in a copy of the project: the workspace is not touched, not even for a moment.

`dvc exp run --temp` sets the workspace back to the last commit while it makes its copy. Here git
clones the commit, what the workspace has otherwise is put over it (parameters and results apart),
and the finished experiment is fetched.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lm_geometry.experiments.executors.living import lives
from lm_geometry.experiments.in_git import CARRIED, CODE, changes, lacking
from lm_geometry.experiments.sessions import in_session
from lm_geometry.revisions.programs import cache_and_remotes_of, environment, git
from lm_geometry.workspace.machine import EXPERIMENTS
from lm_geometry.workspace.paths import METRICS, PLOTS
from lm_geometry.workspace.section import ROOT

CLONES = EXPERIMENTS / "lm-geometry"
RESULTS = (f"{METRICS.name}/", f"{PLOTS.name}/", "studies/")
LEFT = ("params.yaml", "dvc.lock", *RESULTS)
# DVC speaks of the copy as of the workspace, and of a remote that nobody chose.
_OF_THE_COPY = re.compile(
    r"^(Ran experiment|Experiment results have been applied|Reproducing experiment"
    r"|To track the changes|.*(git add |autostage)|Use `dvc push`|Building workspace index).*"
)


def not_committed(root: Path = ROOT) -> list[str]:
    """Files of the working tree that go with a copy: those that differ from HEAD, and new code."""
    found = changes(root)
    known = [path for path in found if not path.startswith(LEFT)]
    return [path for path in known if found[path] != "??" or path.startswith((*CODE, *CARRIED))]


@contextlib.contextmanager
def clone(name: str, root: Path = ROOT) -> Iterator[Path]:
    """A copy of the project below .dvc/tmp, with its cache and remotes; removed after the block.

    Copies whose process was killed are removed as well.
    """
    clones = root / CLONES
    for left in clones.glob("*-*"):
        process = left.name.rpartition("-")[2]
        if process.isdigit() and not lives(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    place = clones / f"{name}-{os.getpid()}"
    clones.mkdir(parents=True, exist_ok=True)
    try:
        git(clones, "clone", "--quiet", "--shared", "--no-checkout", str(root), place.name)
        git(place, "checkout", "--quiet", "--detach", git(root, "rev-parse", "HEAD").strip())
        for path in not_committed(root):
            _carry(root / path, place / path)
        git(place, "add", "--all")
        cache_and_remotes_of(root, place)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def run(name: str, words: Sequence[str], place: Path, root: Path = ROOT) -> None:
    """Run `dvc exp run` with these `-S` in a copy, and print what it prints.

    Raises ValueError where it fails and KeyboardInterrupt where it is interrupted, having ended
    every process of it.
    """
    command = [sys.executable, "-m", "dvc", "exp", "run", "-n", name]
    for word in words:
        command += ["-S", word]
    variables = {**environment(root), **_identity(root), "PYTHONUNBUFFERED": "1"}
    with in_session(command, place, variables, subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told = line.decode(errors="replace")
            if not _OF_THE_COPY.match(told) and told.strip():
                print(told, end="", flush=True)
        failed = process.wait()
    if failed:
        raise ValueError(f"{name} has no result: a stage failed, as is said above")


def fetch(name: str, place: Path, root: Path = ROOT) -> str:
    """The commit of the finished experiment of a copy, now an experiment of the project.

    Raises ValueError where the cache lacks a result, as after a full disk.
    """
    head = git(place, "rev-parse", "HEAD").strip()  # the project's own may have moved on
    reference = f"refs/exps/{head[:2]}/{head[2:]}/{name}"
    git(root, "fetch", "--quiet", "--no-tags", str(place), f"+{reference}:{reference}")
    commit = git(root, "rev-parse", reference).strip()
    if gone := lacking(commit, root):
        git(root, "update-ref", "-d", reference)
        raise ValueError(
            f"{name} was not kept: DVC's cache lacks {gone[0]}, though DVC reported no error: is "
            "the disk full? The same line runs it again"
        )
    return commit


def _carry(source: Path, target: Path) -> None:
    if not source.is_file():
        target.unlink(missing_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _identity(root: Path) -> dict[str, str]:
    """Who commits in the copy, which has no settings of git of its own."""
    found = {}
    for what in ("name", "email"):
        value = git(root, "config", "--default", "", "--get", f"user.{what}").strip()
        for who in ("AUTHOR", "COMMITTER") if value else ():
            found[f"GIT_{who}_{what.upper()}"] = value
    return found
