"""The checkpoints of a pipeline run: base, and the steps that fine-tuning kept."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE, Tree

BASE = "base"
FROM_SCRATCH = "modular_arithmetic"  # the task whose base is untrained
INDEX = paths.CHECKPOINTS / "index.json"


class CheckpointIndex(TypedDict):
    """Which steps a run kept, by which task, and the size of the model that has them."""

    steps: list[int]
    task: str
    layers: int
    width: int


@dataclass(frozen=True)
class Checkpoint:
    """One state of a model: `base`, or an optimiser step whose folder holds adapters or weights.

    Base has a folder where nothing but fine-tuning made it: of a model that learns from scratch.
    """

    name: str
    folder: Path | None

    @property
    def step(self) -> int:
        """The optimiser step; 0 for base."""
        return 0 if self.name == BASE else int(self.name)


def write_index(steps: list[int], task: str, layers: int, width: int) -> None:
    """Record the steps that were kept, by which task, and the size of the model that has them."""
    write_json(INDEX, {"steps": steps, "task": task, "layers": layers, "width": width})


def read_index(tree: Tree = WORKSPACE) -> CheckpointIndex:
    """Which steps the last training run kept."""
    return tree.read_json(INDEX)


def read_base(tree: Tree = WORKSPACE) -> ModelSource:
    """The model that training started from."""
    return ModelSource(**tree.read_json(paths.CHECKPOINTS / BASE / "source.json"))


def with_sizes(source: ModelSource, tree: Tree = WORKSPACE) -> ModelSource:
    """The model with its blocks and width, which the training decides where it starts from none."""
    index = read_index(tree)
    return replace(source, layers=index["layers"], width=index["width"])


def folder_of(step: int) -> Path:
    """Where the adapters or weights of a step are."""
    return paths.CHECKPOINTS / str(step)


def read_checkpoints(asked: list[int] | str, tree: Tree = WORKSPACE) -> list[Checkpoint]:
    """Base and the asked steps, in the order of training; raises ValueError for an unknown step."""
    index = read_index(tree)
    steps = index["steps"] if isinstance(asked, str) else sorted(set(asked))
    unknown = set(steps) - set(index["steps"])
    if unknown:
        raise ValueError(
            f"embed.checkpoints: {sorted(unknown)} were not trained; there are {index['steps']}"
        )
    found = [Checkpoint(str(step), folder_of(step)) for step in steps]
    base = paths.CHECKPOINTS / BASE if index["task"] == FROM_SCRATCH else None
    return [Checkpoint(BASE, base), *found]
