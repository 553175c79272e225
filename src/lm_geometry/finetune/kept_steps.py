"""Which steps of a run are kept: numbers of steps and of epochs, single ones or regular ones.

    400                  step 400
    0.25 epochs          a quarter through the first epoch
    every 400            steps 400, 800, …
    every 1 epoch        at the end of each epoch

A step in the middle of a batch that crosses a limit is rounded up: what is kept has seen at least
so many epochs.
"""

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import count
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

NUMBER = r"(\d+(?:\.\d+)?)"
WORDS = re.compile(rf"(every )?{NUMBER}( epochs?)?")
MOST = 100_000  # checkpoints
FORMS = "a number of steps, `0.5 epochs`, `every 400` or `every 1 epoch`"


def _one(text: str) -> str:
    found = WORDS.fullmatch(" ".join(text.split()))
    if not found or not float(found[2]):
        raise ValueError(FORMS)
    if not found[3] and "." in found[2]:
        raise ValueError(f"{found[2]} steps are no whole number: {FORMS}")
    return found[0]


def _after_base(one: int | str) -> int | str:
    if isinstance(one, int) and one < 1:
        raise ValueError("a step from 1 on; base, step 0, is always kept")
    return one


def _as_list(value: Any) -> Any:
    """A list of what was written as one word or as `{every: 400}`."""
    if isinstance(value, dict) and list(value) == ["every"]:
        return [f"every {value['every']}"]
    return [value] if isinstance(value, str) else value


Asked = Annotated[int | Annotated[str, AfterValidator(_one)], AfterValidator(_after_base)]
Kept = Annotated[list[Asked], BeforeValidator(_as_list)]


def whole_steps(epochs: float | Fraction, examples: int, per_step: int) -> int:
    """Steps of `per_step` examples until so many epochs have been seen."""
    exact = epochs if isinstance(epochs, Fraction) else Fraction(str(epochs))  # 0.1 is a tenth
    return math.ceil(exact * Fraction(examples, per_step))


def in_epochs(asked: Sequence[int | str]) -> bool:
    """Whether some of what is asked for depends on how many examples an epoch has."""
    return any(isinstance(one, str) and "epoch" in one for one in asked)


def refuse_many(asked: Sequence[int | str], steps: int | None) -> None:
    """Raises ValueError for regular checkpoints of so many steps that no disk holds them."""
    for one in asked:
        words = WORDS.fullmatch(str(one))
        if steps and words and words[1] and not words[3] and steps / float(words[2]) > MOST:
            raise ValueError(
                f"checkpoints: {one} of {steps:,} steps are more than {MOST:,}: keep fewer"
            )


def is_regular(asked: Sequence[int | str]) -> bool:
    """Whether some of what is asked for depends on how long the run is."""
    return any(isinstance(one, str) and one.startswith("every") for one in asked)


def kept_steps(
    asked: Sequence[int | str], steps: int, examples: int | None, per_step: int
) -> list[int]:
    """The steps, in order, of a run of `steps` steps of `per_step` examples, of `examples` in all.

    Regular ones end with the run; a single one beyond it is given back, for the caller to refuse.
    """
    found: set[int] = set()
    for one in asked:
        words = WORDS.fullmatch(str(one))
        assert words is not None  # `_one` saw to it
        every, number, epochs = words.groups()
        times = count(1) if every else (1,)
        for time in times:
            seen = time * Fraction(number)
            if epochs:
                assert examples is not None  # the caller asks `in_epochs`
                step = whole_steps(seen, examples, per_step)
            else:
                step = int(seen)
            if every and step > steps:
                break
            found.add(step)
    return sorted(found)
