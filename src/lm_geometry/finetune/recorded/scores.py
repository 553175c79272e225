"""`finetune.recorded_scores`: what other people's runs recorded of checkpoints that are read."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lm_geometry.finetune.measured import MeasuredLoss, MeasuredScore, Records
from lm_geometry.finetune.recorded.emotion_log import epoch_scores
from lm_geometry.finetune.recorded.trippy import evaluation_scores, joint_goals
from lm_geometry.models.local_files import SourceError, local_path

CURVES = {"train": "training", "validation": "validation"}  # of losses
SPLITS = {"train": "train", "dev": "validation", "test": "test"}
EVALUATION = re.compile(r"eval_res\.(train|dev|test)\.json")
PREDICTION = re.compile(r"eval_pred_(train|dev|test)\.1\.0\.log")
LOG = "log.txt"  # in a folder; a file that is named itself may have any other name
FILE = "file:"
NAME = "finetune.recorded_scores"

Key = tuple[int, str, str]  # step, score, split


def recorded(asked: Sequence[str], steps: Sequence[int]) -> Records:
    """The scores in the files or folders `asked`, and the curves of their losses.

    `steps` are those of the checkpoints that are read; which of them have no score, and which
    scores are of others, is printed. Raises ValueError for a file that is not there or of no known
    name, for lines that cannot be read, with their place, for one score that is told twice, and
    where no score is of a checkpoint.
    """
    found: dict[Key, MeasuredScore] = {}
    for name in asked:
        for file, read in _files(name):
            for score in read(file):
                key = (score["step"], score["score"], score.get("split", ""))
                if key in found and found[key] != score:
                    raise ValueError(
                        f"{NAME}: {file} has {key[1]} of step {key[0]} ({key[2]}) twice: "
                        f"{found[key]['value']} and {score['value']}"
                    )
                found[key] = score
    scores = [found[key] for key in sorted(found)]
    if asked:
        _compare({score["step"] for score in scores}, set(steps))
    return {"steps": [], "curve": list(_curve(scores)), "scores": scores}


def _files(name: str) -> Iterator[tuple[Path, Callable[[Path], Iterator[MeasuredScore]]]]:
    if not name.startswith(FILE):
        raise ValueError(f"{NAME}: {name!r} is not file:PATH")
    try:
        path = local_path(name.removeprefix(FILE))
    except SourceError as error:
        raise ValueError(f"{NAME}: {error}") from None
    if not path.exists():
        raise ValueError(f"{NAME}: there is no {path}")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    readers = [(file, reader) for file in files if (reader := _reader(file, file == path))]
    if not readers:
        raise ValueError(
            f"{NAME}: {path} has no file of scores that is known by its name: "
            "eval_res.{train,dev,test}.json, eval_pred_{train,dev,test}.1.0.log, log.txt"
        )
    yield from readers


def _reader(file: Path, named: bool) -> Callable[[Path], Iterator[MeasuredScore]] | None:
    """What reads a file, by its name; None for one that is not of scores."""
    if found := EVALUATION.fullmatch(file.name):
        split = SPLITS[found[1]]
        return lambda file: evaluation_scores(file, split)
    if found := PREDICTION.fullmatch(file.name):
        split = SPLITS[found[1]]
        return lambda file: joint_goals(file, split)
    is_log = file.name == LOG or (named and file.suffix in (".txt", ".log"))
    return epoch_scores if is_log else None


def _compare(scored: set[int], steps: set[int]) -> None:
    if not scored & steps:
        raise ValueError(
            f"{NAME}: their steps {sorted(scored)} are none of model.checkpoints {sorted(steps)}"
        )
    if others := sorted(scored - steps):
        print(f"scores of steps that are not read: {others}", flush=True)
    if without := sorted(steps - scored):
        print(f"checkpoints without scores: {without}", flush=True)


def _curve(scores: Sequence[MeasuredScore]) -> Iterator[MeasuredLoss]:
    for score in scores:
        curve = CURVES.get(score.get("split", ""))
        if score["score"] == "loss" and curve:
            yield MeasuredLoss(step=score["step"], curve=curve, loss=score["value"])
