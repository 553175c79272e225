"""The checkpoints of a pipeline run: base, and the steps that fine-tuning kept."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.tree import WORKSPACE, Tree

BASE = "base"
FROM_SCRATCH = "modular_arithmetic"  # the task whose base is untrained
INDEX = paths.CHECKPOINTS / "index.json"
POINTER = "source.json"  # in the folder of what is had from elsewhere


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
    A step of `model.checkpoints` has a source of its own in its place.
    """

    name: str
    folder: Path | None
    source: ModelSource | None = None

    def identity(self) -> Any:
        """What tells it from every other state of the model, as a JSON value."""
        if self.source is not None:
            return self.source.record()
        return path_hash(self.folder) if self.folder else BASE

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
    return ModelSource(**tree.read_json(paths.CHECKPOINTS / BASE / POINTER))


def with_sizes(source: ModelSource, tree: Tree = WORKSPACE) -> ModelSource:
    """The model with its blocks and width, which the training decides where it starts from none."""
    index = read_index(tree)
    return replace(source, layers=index["layers"], width=index["width"])


def write_pointer(name: str, source: ModelSource) -> None:
    """Record where base, or a step that was not trained here, is to be had."""
    write_json(paths.CHECKPOINTS / name / POINTER, source.record())


def read_pointer(step: int, tree: Tree = WORKSPACE) -> ModelSource | None:
    """Where a step that was not trained here is to be had; None for one that was."""
    pointer = folder_of(step) / POINTER
    return ModelSource(**tree.read_json(pointer)) if tree.exists(pointer) else None


def _checkpoint(step: int, tree: Tree) -> Checkpoint:
    source = read_pointer(step, tree)
    return Checkpoint(str(step), None if source else folder_of(step), source)


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
    found = [_checkpoint(step, tree) for step in steps]
    base = paths.CHECKPOINTS / BASE if index["task"] == FROM_SCRATCH else None
    return [Checkpoint(BASE, base), *found]
