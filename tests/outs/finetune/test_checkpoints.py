"""Which states of a model a run left, in the order of training, and what tells them apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.finetune.checkpoints import (
    BASE,
    FROM_SCRATCH,
    read_base,
    read_checkpoints,
    with_sizes,
    write_index,
    write_pointer,
)
from lm_geometry.workspace import paths

SOURCE = ModelSource("mine", "Mine", "hub:me/mine", "decoder", 3, 32, "pretrained", 0)


def left(*steps: int, task: str = "causal_lm") -> None:
    """What a run of these steps leaves."""
    write_index(list(steps), task, 3, 32)
    write_pointer(BASE, SOURCE)
    for step in steps:
        folder = paths.CHECKPOINTS / str(step)
        folder.mkdir(parents=True)
        (folder / "adapter.txt").write_text(f"weights of {step}")


def test_base_comes_first_and_steps_as_they_were_trained(project: Path) -> None:
    left(10, 40, 20)
    assert [c.name for c in read_checkpoints("all")] == [BASE, "10", "40", "20"]
    assert [c.step for c in read_checkpoints([40, 10, 40])] == [0, 10, 40]
    with pytest.raises(ValueError, match=r"\[30\] were not trained; there are \[10, 40, 20\]"):
        read_checkpoints([10, 30])
    assert read_base() == SOURCE


def test_base_has_weights_of_its_own_where_it_was_drawn_here(project: Path) -> None:
    left(10, task=FROM_SCRATCH)
    base, _ = read_checkpoints("all")
    assert base.folder == paths.CHECKPOINTS / BASE
    assert with_sizes(replace(SOURCE, layers=0, width=0)) == SOURCE


def test_a_checkpoint_is_told_by_its_weights_or_by_where_they_are(project: Path) -> None:
    left(10, 20)
    elsewhere = replace(SOURCE, source="hub:me/mine@step30", content="abc")
    write_index([10, 20, 30], "none", 3, 32)
    write_pointer("30", elsewhere)
    base, ten, twenty, thirty = read_checkpoints("all")
    assert len({str(c.identity()) for c in (base, ten, twenty, thirty)}) == 4
    assert (thirty.source, thirty.folder) == (elsewhere, None)
    before = ten.identity()
    (paths.CHECKPOINTS / "10" / "adapter.txt").write_text("other weights")
    assert ten.identity() != before
