"""What a training run measures on its way, and the run that it is in the end."""

from typing import NotRequired, TypedDict

from lm_geometry.outs.finetune.training_curves import CURVES
from lm_geometry.outs.finetune.training_run import Loss, Score, TrainingRun, Watched

SPLITS = {curve: split for split, curve in CURVES.items()}


class MeasuredLoss(TypedDict):
    """Mean loss in nat at one step; `curve` is training or validation."""

    step: int
    curve: str
    loss: float


class MeasuredScore(TypedDict):
    """One score at one step; `split` where it is of another than the held-out one.

    `standard_error` is that over the documents that were scored, where that is known.
    """

    step: int
    score: str
    value: float
    split: NotRequired[str]
    standard_error: NotRequired[float]


class MeasuredGeometry(TypedDict):
    """One number of the states of held-out tokens at one step, with its interval over documents."""

    step: int
    layer: int
    quantity: str
    value: float
    lower: NotRequired[float]
    upper: NotRequired[float]


class Measured(TypedDict):
    """What a run measured, as far as it has come; `watched` where it is asked for."""

    curve: list[MeasuredLoss]
    scores: list[MeasuredScore]
    watched: NotRequired[list[MeasuredGeometry]]


class Records(Measured):
    """What a run measured, and the steps whose checkpoints were kept."""

    steps: list[int]


def as_run(found: Measured, corpus: str, task: str, settings: str, code: str = "") -> TrainingRun:
    """What was measured on a corpus as the run that later stages read; `code` is what watched."""
    curve: list[Loss] = [
        {**r, "corpus": corpus, "split": SPLITS[r["curve"]]} for r in found["curve"]
    ]
    scores: list[Score] = [
        {**r, "corpus": corpus, "split": r.get("split", "validation")} for r in found["scores"]
    ]
    watched: list[Watched] = [
        {**r, "corpus": corpus, "split": "validation"} for r in found.get("watched", [])
    ]
    return TrainingRun(corpus, task, settings, curve, scores, watched, code)
