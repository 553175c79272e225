"""The six stages, shards of embed, and `keep`, in a clone with a tiny model and tiny texts."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.campaign.kills.killing import Bytes, bytes_below, run

RESULTS = ("data", "metrics", "plots", "dvc.lock")
EMBEDDED = ("hidden_states", "losses", "prompt_neighbours", "tokens")
KEPT = "kept"


class OfStages:
    """`dvc repro` of everything; shells are slower, so that fewer are killed in a row."""

    def __init__(self, kind: str, made: Path, in_a_row: int) -> None:
        self.kind = kind
        self.made = made
        self.in_a_row = in_a_row

    def fresh(self, folder: Path) -> Path:
        """A clone in which nothing has run."""
        shutil.copytree(self.made, folder / "project", symlinks=True)
        return folder / "project"

    def command(self, again: bool) -> list[str]:
        """The same, at first and after a kill."""
        return ["dvc", "repro"]

    def result(self, folder: Path) -> Bytes:
        """Every result and dvc.lock."""
        return bytes_below(folder, *RESULTS)


class OfShards(OfStages):
    """Stage embed in two shards and then whole, in a clone that has all but its outs."""

    def fresh(self, folder: Path) -> Path:
        """A clone in which everything ran, as it was before embed."""
        place = super().fresh(folder)
        for out in EMBEDDED:
            shutil.rmtree(place / "data" / out)
        shutil.rmtree(place / ".scratch", ignore_errors=True)
        return place

    def command(self, again: bool) -> list[str]:
        """Both shards, one after the other, then the stage."""
        shards = "LM_GEOMETRY_SHARD={}/2 python stages/embed.py"
        line = " && ".join([shards.format(1), shards.format(2), "python stages/embed.py"])
        return ["sh", "-c", line]

    def result(self, folder: Path) -> Bytes:
        """Its outs."""
        return bytes_below(folder, *(f"data/{out}" for out in EMBEDDED))


class OfKeep(OfStages):
    """`lm-geometry keep`, in a clone in which everything ran."""

    def command(self, again: bool) -> list[str]:
        """`keep`; after a kill only where it did not end before, which it says by refusing."""
        # Commands work on the clone that the package lies in.
        keeping = f"PYTHONPATH=$PWD/src lm-geometry keep workspace 4 {KEPT}"
        done = f"grep -q '^{KEPT}:' catalogue/models.yaml"
        return ["sh", "-c", f"{done} || {keeping}" if again else keeping]

    def result(self, folder: Path) -> Bytes:
        """The model, its record for DVC, and the catalogue."""
        record = f"models/{KEPT}.dvc"
        beside = ("models/dvc.yaml", "models/.gitignore")
        return bytes_below(folder, f"models/{KEPT}", record, "catalogue", *beside)


def made_project(project: Path, environment: Mapping[str, str], folder: Path) -> Path:
    """A copy of a clone in which everything ran to its end."""
    shutil.copytree(project, folder, symlinks=True)
    ended = run(["dvc", "repro"], folder, environment)
    assert ended.status == 0, ended.printed
    return folder
