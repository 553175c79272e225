"""Scores of a run of TripPy-R: `eval_res.SPLIT.json` and `eval_pred_SPLIT.1.0.log`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from lm_geometry.finetune.measured import MeasuredScore
from lm_geometry.finetune.recorded.lines import is_told, lines_of, number_in

CHECKPOINT = re.compile(r"checkpoint-(\d+)")
JOINT_GOAL = "Joint goal acc:"
LINE = re.compile(r"Joint goal acc:\s*([^,\s]+),.*?checkpoint-(\d+)\.json")
# What `eval_accuracy_goal` counts are labels turn by turn; it is no joint goal accuracy.
NAMES = {
    "loss": "loss",
    "cl_loss": "loss_class",
    "tk_loss": "loss_span",
    "tp_loss": "tp_loss",
    "eval_accuracy_goal": "turn_accuracy",
}


def evaluation_scores(file: Path, split: str) -> Iterator[MeasuredScore]:
    """The losses and the turn accuracy of each checkpoint, by their step.

    Those of single slots are left out. Raises ValueError with the entry for what is not one.
    """
    try:
        found = json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file} is no JSON: {error}") from None
    if not isinstance(found, list):
        raise ValueError(f"{file} is no list of evaluations")
    slots: set[str] = set()
    for number, entry in enumerate(found):
        where = f"{file}, entry {number}"
        named = entry.get("checkpoint_name") if isinstance(entry, dict) else None
        step = CHECKPOINT.fullmatch(named) if isinstance(named, str) else None
        if step is None:
            raise ValueError(f"{where}: its checkpoint_name is {named!r}, not such as checkpoint-5")
        for key, value in entry.items():
            if name := NAMES.get(key):
                score = _value(value, where, key)
                if is_told(score, where, key):
                    yield MeasuredScore(step=int(step[1]), score=name, value=score, split=split)
            elif key != "checkpoint_name":
                slots.add(key)
    if slots:
        print(f"{file}: {len(slots)} scores of single slots are left out", flush=True)


def joint_goals(file: Path, split: str) -> Iterator[MeasuredScore]:
    """The joint goal accuracy of each checkpoint, by its step; the log has the best one first.

    Raises ValueError with the line for one that is cut or tells no checkpoint.
    """
    for where, line in lines_of(file):
        if JOINT_GOAL not in line:
            continue
        found = LINE.search(line)
        if found is None:
            raise ValueError(f"{where}: no accuracy with a checkpoint: {line.strip()[:80]!r}")
        value = number_in(found[1], where)
        if not 0 <= value <= 1:
            raise ValueError(f"{where}: {value} is no accuracy: 0 … 1")
        yield MeasuredScore(
            step=int(found[2]), score="joint_goal_accuracy", value=value, split=split
        )


def _value(value: object, where: str, key: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"{where}: {key} is {value!r}, not a number")
