"""What a training run measured: data/training_run, read where its results are shown."""

from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE, Tree

INDEX = paths.TRAINING_RUN / "index.json"


class Loss(TypedDict):
    """Mean loss in nat at one step; `curve` is training or validation."""

    step: int
    curve: str
    loss: float
    corpus: str
    split: str


class Score(TypedDict):
    """One score of the task at one step, on one split of the training corpus.

    `standard_error` is that over the documents that were scored, where that is known.
    """

    step: int
    score: str
    value: float
    corpus: str
    split: str
    standard_error: NotRequired[float]


@dataclass(frozen=True)
class TrainingRun:
    """One run; `curve` and `scores` are empty where nothing was trained.

    `settings` is the line under its curves: what was trained, and how.
    """

    corpus: str
    task: str
    settings: str
    curve: list[Loss] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)


def write_training_run(run: TrainingRun) -> None:
    """Write the three files of data/training_run."""
    write_json(INDEX, {"corpus": run.corpus, "task": run.task, "settings": run.settings})
    write_json(paths.LOSS_CURVE, run.curve)
    write_json(paths.SCORES, run.scores)


def read_training_run(tree: Tree = WORKSPACE) -> TrainingRun:
    """The run of the last finetune stage."""
    curve = tree.read_json(paths.LOSS_CURVE)
    return TrainingRun(**tree.read_json(INDEX), curve=curve, scores=read_scores(tree))


def read_scores(tree: Tree = WORKSPACE) -> list[Score]:
    """Its scores alone."""
    return tree.read_json(paths.SCORES)
