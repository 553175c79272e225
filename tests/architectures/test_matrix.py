"""Every architecture of transformers is read as it is, or refused with a sentence: never wrong."""

from pathlib import Path

import numpy as np
import pytest
import transformers

from lm_geometry.models.facts import NotReadError
from tests.architectures.matrix import (
    CLOSE,
    Case,
    Read,
    answers,
    cases,
    computed,
    expected,
    read,
    relative_error,
    sees_right,
)
from tests.architectures.steps import step, task_of
from tests.architectures.table import TABLE, line, rows

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers, about its own classes


def read_or_skip(case: Case, folder: Path) -> Read:
    try:
        return read(case, folder)
    except NotReadError as error:
        pytest.skip(f"refused: {error}")


def check(case: Case, folder: Path) -> None:
    """What holds for every architecture that is read."""
    found = read_or_skip(case, folder / "model")
    states, losses = computed(found)
    own_states, own_losses = expected(found)
    assert relative_error(states, own_states) <= CLOSE
    assert found.findings.layers == len(own_states) - 1
    assert found.findings.sees_right == sees_right(found)
    if found.findings.losses == "none":
        assert np.isnan(losses).all()
        assert found.findings.no_losses
    else:
        error = np.abs(losses - own_losses) / np.maximum(np.abs(own_losses), 1)
        assert np.nanmax(error) <= CLOSE
        assert (np.isnan(losses) == np.isnan(own_losses)).all()
    if task_of(found) == "causal_lm" and found.findings.sees_right:
        with pytest.raises(ValueError, match="causal_lm does not fit"):
            step(found, "full", folder / "refused")
        return
    step(found, "full", folder / "full")
    try:
        step(found, "lora", folder / "lora")
    except ValueError as error:  # no map of its blocks does no more than multiply
        assert "lora finds no linear map" in str(error)


@pytest.mark.architectures
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_an_architecture_is_read_as_it_is_or_refused(case: Case, tmp_path: Path) -> None:
    told = list(answers(case, tmp_path / "told"))
    print(line(told))
    assert rows().get(case.name, told) == told, "python -m tests.architectures.table writes it"
    check(case, tmp_path / "checked")


# One of each kind: dense decoder, mixture of experts, state space, hybrid, recurrent; encoders with
# absolute, relative and rotary positions, and without a mask; both halves of an encoder-decoder; a
# head that reads more than the last states; sparse attention in which padding changes states.
KINDS = (
    "gpt2",
    "mixtral",
    "mamba2",
    "jamba",
    "rwkv",
    "roberta",
    "deberta-v2",
    "modernbert",
    "fnet",
)
KINDS += ("opt", "gemma3", "doge")


@pytest.mark.parametrize(
    "case", [*map(Case, KINDS), Case("bart", "decoder"), Case("t5", "encoder")], ids=str
)
def test_one_of_each_kind_is_read_as_it_is(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


def test_every_architecture_of_the_pinned_version_is_in_the_table() -> None:
    if f"transformers {transformers.__version__}" in TABLE.read_text(encoding="utf-8"):
        assert [case.name for case in cases()] == list(rows())
