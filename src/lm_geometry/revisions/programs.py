"""git and DVC, called as programs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast


def git(root: Path, *arguments: str) -> str:
    """What a git command printed; raises ValueError with git's words where it failed."""
    ran = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if ran.returncode != 0:
        raise ValueError(f"git {arguments[0]} failed: {ran.stderr.strip()}")
    return ran.stdout


def dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A DVC command that was run in `root`, with what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        env=environment(root),
    )


def environment(root: Path) -> dict[str, str]:
    """The variables that an experiment's clone needs: this Python first, and what `.env` says.

    `.env` is not in git, and is therefore not in the clone.
    """
    from dotenv import dotenv_values

    settings = {key: value for key, value in dotenv_values(root / ".env").items() if value}
    own = {key: value for key, value in settings.items() if key.startswith("LM_GEOMETRY_")}
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**own, **os.environ, "PATH": beside}


def cache_and_remotes_of(origin: Path, clone: Path) -> None:
    """Give a clone the DVC caches and remotes of `origin`, as `dvc cache dir --local` would.

    A remote beside the project, as the default one, is elsewhere seen from the clone.
    """
    from dvc.config import Config
    from dvc.repo import Repo

    with Repo(str(origin)) as repo:
        remotes = {name: dict(remote) for name, remote in repo.config["remote"].items()}
        own: dict[str, Any] = {"remote": remotes, "cache": {"dir": repo.cache.local_cache_dir}}
        core = repo.config["core"]  # the private folder of DVC's pickles, and the default remote
        own["core"] = {name: core[name] for name in ("site_cache_dir", "remote") if core.get(name)}
    with Config(str(clone / ".dvc"), validate=False).edit("local") as local:
        cast("dict[str, Any]", local).update(own)
