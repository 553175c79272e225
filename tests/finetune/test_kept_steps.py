"""Steps that are kept: every form, and what is no form."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lm_geometry.finetune.kept_steps import Kept, kept_steps, refuse_many, whole_steps

KEPT: TypeAdapter[list[int | str]] = TypeAdapter(Kept)


@given(examples=st.integers(1, 500), per_step=st.integers(1, 40), tenths=st.integers(1, 30))
def test_a_step_is_the_first_to_have_seen_so_many_epochs(
    examples: int, per_step: int, tenths: int
) -> None:
    step = whole_steps(tenths / 10, examples, per_step)
    assert step * per_step * 10 >= tenths * examples > (step - 1) * per_step * 10


@given(
    examples=st.integers(1, 300),
    per_step=st.integers(1, 20),
    steps=st.integers(1, 120),
    tenths=st.integers(1, 25),
)
def test_regular_epochs_are_all_that_lie_in_the_run(
    examples: int, per_step: int, steps: int, tenths: int
) -> None:
    asked = KEPT.validate_python(f"every {tenths / 10} epochs")
    epoch = Fraction(tenths, 10)
    ends = {step for step in range(1, steps + 1) if _passes(step, epoch, examples, per_step)}
    assert kept_steps(asked, steps, examples, per_step) == sorted(ends)


def _passes(step: int, epoch: Fraction, examples: int, per_step: int) -> bool:
    """Whether a multiple of the epoch ends within this step."""
    before = Fraction((step - 1) * per_step, examples) / epoch
    after = Fraction(step * per_step, examples) / epoch
    return after // 1 > before // 1


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"every": 30}, [30, 60, 90]),
        ("every 40", [40, 80]),
        ([5, "every 1 epoch", "0.25 epochs", 5], [5, 13, 50, 100]),
        ("2 epochs", [100]),
    ],
)
def test_forms(asked: object, found: list[int]) -> None:
    assert kept_steps(KEPT.validate_python(asked), 100, 200, 4) == found


@pytest.mark.parametrize(
    "asked",
    [
        *("every so", "every 0", "0 epochs", "1.5", "epoch", {"each": 4}, ["every 1.5"]),
        *([-5], [0, "1 epoch"], [400, 0], "0", "-5"),
    ],
)
def test_what_is_no_form_is_refused(asked: object) -> None:
    with pytest.raises(ValidationError):
        KEPT.validate_python(asked)


def test_more_checkpoints_than_any_disk_holds_are_refused_before_they_are_listed() -> None:
    refuse_many([1, "every 10", "every 1 epoch"], 1_000_000)
    refuse_many(["every 1"], None)
    with pytest.raises(ValueError, match=r"checkpoints: every 1 of 1,000,000,000 steps are more"):
        refuse_many(["every 1"], 10**9)
