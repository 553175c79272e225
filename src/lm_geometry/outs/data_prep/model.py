"""The model of a pipeline run, as data-prep resolved it: data/model.json."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json
from lm_geometry.workspace.layers import blocks
from lm_geometry.workspace.points import RESIDUAL, Points, layers_at
from lm_geometry.workspace.section import ROOT
from lm_geometry.workspace.tree import WORKSPACE, Tree

LANGUAGE_TASKS = {  # by kind of model
    "encoder": "masked_lm",
    "decoder": "causal_lm",
    "encoder-decoder": "sequence_to_sequence",
}


@dataclass(frozen=True)
class SeriesStep:
    """A later state of the model that is read and not trained.

    `content` is the hash of its weights. `source` names a commit of the hub, and `name` the branch
    or tag that was asked for.
    """

    step: int
    source: str
    content: str
    name: str = ""


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from, and the facts about it that stages need before loading it.

    `source` names a commit of the hub, and `asked` the branch or tag by which it was found.
    """

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
    content: str = ""  # hash of the files, or of a hub's weights: others are another model
    series: list[dict[str, Any]] = field(default_factory=list)  # of `SeriesStep`
    asked: str = ""

    def record(self) -> dict[str, Any]:
        """The fields as a JSON object, which `ModelSource(**record)` reads back."""
        rare = ("series", "asked")  # of most models there is nothing to say
        return {name: value for name, value in asdict(self).items() if name not in rare or value}

    def later(self) -> dict[int, "ModelSource"]:
        """The model at each step of `model.checkpoints`, in the order of training."""
        steps = [SeriesStep(**record) for record in self.series]
        own = {"series": [], "asked": ""}  # the name of a step stands in the series
        return {s.step: replace(self, source=s.source, content=s.content, **own) for s in steps}

    def resolved_layers(
        self, layers: Sequence[int | str] | str, points: Points = RESIDUAL
    ) -> list[int]:
        """Layer numbers of what params.yaml asks for (`workspace.layers`), at `points`.

        Raises ValueError for a layer that the model does not have.
        """
        try:
            return layers_at(layers, self.layers, points)
        except ValueError as error:
            raise ValueError(f"embed.layers: of {self.name} {error}") from None

    def resolved_blocks(self, layers: Sequence[int | str] | str) -> list[int] | Literal["all"]:
        """Block numbers 0 … layers - 1 of what params.yaml asks for; `all` stays."""
        return blocks(layers, self.layers)

    @property
    def reads_onwards(self) -> bool:
        """Whether nothing that follows a token is seen there, so that contexts stand first."""
        return self.kind == "decoder"

    @property
    def language_task(self) -> str:
        """What the model does with language: `masked_lm` or `causal_lm`."""
        return LANGUAGE_TASKS[self.kind]


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
