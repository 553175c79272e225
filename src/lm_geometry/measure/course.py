"""Which way a dimension goes during training: falling, flat or rising, said with hysteresis.

A noisy curve crosses its own least value all the time. So a change is one of the same tokens, since
the least measurement so far, and counts only beyond several of its standard errors; a rise must
last, and what was said stays until something else is beyond doubt.
"""

from dataclasses import dataclass
from typing import Literal

Word = Literal["", "falling", "flat", "rising"]
NUMBERS: dict[Word, float] = {"falling": -1.0, "flat": 0.0, "rising": 1.0}  # as it is logged


@dataclass
class Course:
    """What is said of a series of measurements; empty until something can be said.

    - *falling*: the measurement is below the least so far by more than `z` standard errors of their
      paired difference; it then is the least.
    - *flat*: `patience` measurements in a row were not below it, and none of the last ones rose.
    - *rising*: `patience` measurements in a row were above it by more than `z` standard errors; it
      is left by a new least measurement alone.

    In 2,000 series of 12 measurements whose standard error is half of the rise per measurement,
    with `z` 3 and `patience` 2, *rising* was said of 0.1 % of constant series and of none that fall
    and go flat, and of all that fall and rise again, three to four measurements after their least
    (`tests/measure/test_course.py`). Wandering of the model itself, which the error over documents
    does not know, comes on top.
    """

    z: float = 3.0
    patience: int = 2
    word: Word = ""
    is_least: bool = False  # whether the last measurement is the least so far, beyond its error
    above: int = 0  # measurements in a row that rose
    since_least: int = 0

    def add(self, change: float, error: float) -> Word:
        """What is said after one more measurement.

        `change` is its paired difference from the least so far, `error` the standard error of that.
        Where `is_least` then says so, later ones are compared with this one.
        """
        self.is_least = change < -self.z * error
        if self.is_least:
            self.word, self.above, self.since_least = "falling", 0, 0
            return self.word
        self.since_least += 1
        self.above = self.above + 1 if change > self.z * error else 0
        if self.above >= self.patience:
            self.word = "rising"
        elif self.word != "rising" and self.since_least >= self.patience and not self.above:
            self.word = "flat"
        return self.word
