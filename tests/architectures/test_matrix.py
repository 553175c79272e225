"""Every architecture of transformers is read as it is, or refused with a sentence: never wrong."""

from pathlib import Path

import numpy as np
import pytest
import transformers

from tests.architectures.matrix import Case, Read, answers, cases, read, read_or_not
from tests.architectures.reference import CLOSE, expected, relative_error, sees_right
from tests.architectures.steps import step, task_of
from tests.architectures.table import TABLE, line, rows

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers, about its own classes

REFUSED = ("lora finds no linear map", "changes its own weights", "trained with texts alone")


def check(found: Read, folder: Path) -> None:
    """What holds for every architecture that is read."""
    states, losses = found.computed
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
    for method in ("full", "lora"):
        trained_or_refused(found, method, folder)


def trained_or_refused(found: Read, method: str, folder: Path) -> None:
    """A step of training; refused where a model has no map to adapt, or changes its weights."""
    try:
        step(found, method, folder / method)
    except ValueError as error:
        if not any(told in str(error) for told in REFUSED):
            raise


@pytest.mark.architectures
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_an_architecture_is_read_as_it_is_or_refused(case: Case, tmp_path: Path) -> None:
    found = read_or_not(case, tmp_path / "model")
    told = list(answers(case, found))
    print(line(told))
    if isinstance(found, Read):
        check(found, tmp_path)
    assert rows().get(case.name, told) == told, "python -m tests.architectures.table writes it"


# One of each kind: dense decoder, mixture of experts, state space, hybrid, recurrent; encoders with
# absolute, relative and rotary positions, and without a mask; both halves of an encoder-decoder; a
# head that reads more than the last states; sparse attention in which padding changes states.
DECODERS = ("gpt2", "mixtral", "mamba2", "jamba", "rwkv", "opt", "gemma3", "doge")
ENCODERS = ("roberta", "deberta-v2", "modernbert", "fnet")


@pytest.mark.parametrize(
    "case",
    [*map(Case, DECODERS + ENCODERS), Case("bart", "decoder"), Case("t5", "encoder")],
    ids=lambda case: case.name,
)
def test_one_of_each_kind_is_read_as_it_is(case: Case, tmp_path: Path) -> None:
    check(read(case, tmp_path / "model"), tmp_path)


def test_every_architecture_of_the_pinned_version_is_in_the_table() -> None:
    if f"transformers {transformers.__version__}" in TABLE.read_text(encoding="utf-8"):
        assert [case.name for case in cases()] == list(rows())
