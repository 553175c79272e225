"""Every architecture of transformers is read as it is, or refused with a sentence: never wrong."""

from pathlib import Path

import numpy as np
import pytest

from lm_geometry.models.facts import NotReadError
from tests.architectures.matrix import (
    CLOSE,
    Case,
    Read,
    cases,
    computed,
    expected,
    read,
    relative_error,
    sees_right,
)
from tests.architectures.steps import step, task_of

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
    for method in ("full", "lora"):
        step(found, method, folder / method)


@pytest.mark.architectures
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_an_architecture_is_read_as_it_is_or_refused(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
