"""Scores of a run of ContextBERT-ERToD, which learns emotions: its log, epoch by epoch."""

import re
from collections.abc import Iterator
from pathlib import Path

from lm_geometry.finetune.measured import MeasuredScore
from lm_geometry.finetune.recorded.lines import is_told, lines_of, number_in

EPOCH = re.compile(r"Training for epoch (\d+) out of")
LOSS = re.compile(r"\b(Training|Validation|Test) loss:\s*(\S*)")
F1 = re.compile(r"\b(Training|Validation|Test) F1 scores:(.*)")
SPLITS = {"Training": "train", "Validation": "validation", "Test": "test"}
AVERAGES = ("micro", "macro", "weighted")
SCORES = [f"f1_{kind}_without_neutral" for kind in AVERAGES] + [f"f1_{kind}" for kind in AVERAGES]


def epoch_scores(file: Path) -> Iterator[MeasuredScore]:
    """Losses and F1 of each epoch and split; the step is the epoch, counted from 1.

    Of a log that counts from 0 they are one more, as no epoch measures the model before training.
    Raises ValueError with the line for one that cannot be read, that stands before any epoch, and
    for an epoch that begins again, as in the log of two runs.
    """
    epochs: list[int] = []
    first = 1  # or 0
    for where, line in lines_of(file):
        if found := EPOCH.search(line):
            epoch = int(found[1])
            first = min(first, epoch)
            if epochs and epoch <= epochs[-1]:
                raise ValueError(
                    f"{where}: epoch {epoch} begins after epoch {epochs[-1]}: the log holds more "
                    "than one run: keep the lines of one"
                )
            epochs.append(epoch)
            continue
        for split, name, value in _told(line, where):
            if not epochs:
                raise ValueError(f"{where}: a {name} before any epoch")
            if is_told(value, where, name):
                step = epochs[-1] + 1 - first
                yield MeasuredScore(step=step, score=name, value=value, split=split)
    if not epochs:
        raise ValueError(f"{file} tells of no epoch (Training for epoch 1 out of …)")


def _told(line: str, where: str) -> Iterator[tuple[str, str, float]]:
    """Split, name and value of what a line tells."""
    if found := LOSS.search(line):
        yield SPLITS[found[1]], "loss", number_in(found[2].rstrip(",;"), where)
    if found := F1.search(line):
        listed = found[2].strip()
        values = listed[1:-1].split(",") if listed[:1] + listed[-1:] == "[]" else []
        if len(values) != len(SCORES):
            raise ValueError(f"{where}: no list of {len(SCORES)} F1 scores: {listed[:80]!r}")
        for name, value in zip(SCORES, values, strict=True):
            yield SPLITS[found[1]], name, number_in(value, where)
