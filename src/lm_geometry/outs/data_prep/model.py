"""The model of a pipeline run, as data-prep resolved it: data/model.json."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json
from lm_geometry.workspace.section import ROOT
from lm_geometry.workspace.tree import WORKSPACE, Tree


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from, and the facts about it that stages need before loading it."""

    name: str
    label: str
    source: str
    kind: str
    layers: int  # blocks; 0 where the training decides it (`outs.finetune.checkpoints`)
    width: int
    weights: str
    seed: int
    longest: int = 0  # tokens that it reads at most; 0 where that was not asked
    masks: bool = True  # whether its tokenizer has a mask token
    half: str = ""  # of an encoder-decoder, whose states are read
    content: str = ""  # hash of the files of a `file:` model: other weights are another model

    def record(self) -> dict[str, str | int]:
        """The fields as a JSON object, which `ModelSource(**record)` reads back."""
        return asdict(self)

    def resolved_layers(self, layers: list[int] | str) -> list[int]:
        """Layer numbers 0 … layers; `all`, or negative ones counted from the end.

        Raises ValueError for a layer that the model does not have.
        """
        if isinstance(layers, str):
            return list(range(self.layers + 1))
        for layer in layers:
            if not -self.layers - 1 <= layer <= self.layers:
                raise ValueError(
                    f"embed.layers: {self.name} has no layer {layer}; it has 0 … {self.layers}"
                )
        return [layer % (self.layers + 1) for layer in layers]


def read_model_source(tree: Tree = WORKSPACE) -> ModelSource:
    """The model of this pipeline run, as data-prep resolved it."""
    return ModelSource(**tree.read_json(paths.MODEL))


def read_record(root: Path) -> dict[str, Any]:
    """The record of the model that data-prep wrote in a project; empty where there is none."""
    file = root / paths.MODEL.relative_to(ROOT)
    try:
        return read_json(file) if file.is_file() else {}
    except ValueError:
        return {}
