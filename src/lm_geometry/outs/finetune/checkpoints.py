"""The checkpoints of a pipeline run: base, and the steps that fine-tuning kept."""

from dataclasses import dataclass, replace
from pathlib import Path

from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json, write_json

BASE = "base"
FROM_SCRATCH = "modular_arithmetic"  # the task whose base is untrained
INDEX = paths.CHECKPOINTS / "index.json"


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


def with_sizes(source: ModelSource) -> ModelSource:
    """The model with its blocks and width, which the training decides where it starts from none."""
    index = read_json(INDEX)
    return replace(source, layers=index["layers"], width=index["width"])


def read_checkpoints(asked: list[int] | str) -> list[Checkpoint]:
    """Base and the asked steps, in the order of training; raises ValueError for an unknown step."""
    index = read_json(INDEX)
    steps = index["steps"] if isinstance(asked, str) else sorted(set(asked))
    unknown = set(steps) - set(index["steps"])
    if unknown:
        raise ValueError(
            f"embed.checkpoints: {sorted(unknown)} were not trained; there are {index['steps']}"
        )
    found = [Checkpoint(str(step), paths.CHECKPOINTS / str(step)) for step in steps]
    base = paths.CHECKPOINTS / BASE if index["task"] == FROM_SCRATCH else None
    return [Checkpoint(BASE, base), *found]
