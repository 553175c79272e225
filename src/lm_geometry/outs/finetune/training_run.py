"""What a training run measured: data/training_run, read where its results are shown."""

from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE, Tree

INDEX = paths.TRAINING_RUN / "index.json"
WATCHED = paths.TRAINING_RUN / "watched.json"


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


class Watched(TypedDict):
    """One number of the hidden states of held-out tokens at one step, such as "local dimension".

    `lower` and `upper` are the ends of its interval over documents, where it has one.
    """

    step: int
    layer: int
    quantity: str
    value: float
    corpus: str
    split: str
    lower: NotRequired[float]
    upper: NotRequired[float]


@dataclass(frozen=True)
class TrainingRun:
    """One run; `curve` and `scores` are empty where nothing was trained.

    `settings` is the line under its curves: what was trained, and how. `watched` is what was
    measured of its states while it trained, and `watched_by` the hash of the code that did, which
    the dependencies of the stage do not name.
    """

    corpus: str
    task: str
    settings: str
    curve: list[Loss] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    watched_by: str = ""


def write_training_run(run: TrainingRun) -> None:
    """Write the three files of data/training_run, and a fourth of a run that was watched."""
    index = {"corpus": run.corpus, "task": run.task, "settings": run.settings}
    if run.watched_by:
        index["watched_by"] = run.watched_by
        write_json(WATCHED, run.watched)
    write_json(INDEX, index)
    write_json(paths.LOSS_CURVE, run.curve)
    write_json(paths.SCORES, run.scores)


def read_training_run(tree: Tree = WORKSPACE) -> TrainingRun:
    """The run of the last finetune stage."""
    curve = tree.read_json(paths.LOSS_CURVE)
    index = tree.read_json(INDEX)
    watched = tree.read_json(WATCHED) if index.get("watched_by") else []
    return TrainingRun(**index, curve=curve, scores=read_scores(tree), watched=watched)


def read_scores(tree: Tree = WORKSPACE) -> list[Score]:
    """Its scores alone."""
    return tree.read_json(paths.SCORES)
