"""What the kinds of trials work on, made when the first of them asks: programs and projects."""

import shutil
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from tests.campaign.forking.commands import forked_commands, shell_commands
from tests.campaign.kills.killing import Environment
from tests.campaign.kills.of_stages import made_project
from tests.campaign.kills.of_toys import made_toy
from tests.pipeline.test_pipeline import clone
from tests.toy_project import ToyProject


class Ground:
    """A folder with all that trials share, while the context is open."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self._open = ExitStack()

    def __enter__(self) -> "Ground":
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def place(self, kind: str) -> Path:
        """An empty folder for the trials of a kind."""
        found = self.folder / f"of {kind.replace(':', '').replace('/', ' ')}"
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir()
        return found

    @cached_property
    def environment(self) -> Environment:
        """With which programs are forks of a process that holds the libraries."""
        forked = self._open.enter_context(forked_commands(self.folder / "forks"))
        return forked | self._own

    @cached_property
    def shell(self) -> Environment:
        """With which programs are those of a shell."""
        return shell_commands() | self._own

    @property
    def _own(self) -> dict[str, str]:
        site = self.folder / "site"
        return {"DVC_SITE_CACHE_DIR": str(site), "LM_GEOMETRY_DOWNLOADS": str(site / "downloads")}

    @cached_property
    def toy(self) -> ToyProject:
        """The toy project, run and pushed once."""
        return made_toy(self.folder / "toy")

    @cached_property
    def study(self) -> Path:
        """A clone of this repository with a tiny model and tiny texts, before its first run."""
        from tests.conftest import saved_model

        return clone(self.folder / "study", saved_model("llama", self.folder / "model")).folder

    @cached_property
    def finished(self) -> Path:
        """The same after it."""
        return made_project(self.study, self.environment, self.folder / "finished")
