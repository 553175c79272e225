"""How often something is done that takes time from something else."""

import contextlib
import time
from collections.abc import Callable, Iterator


class Budget:
    """Says when a step is due: `every` so many steps at least, and within a `share` of the time.

    The share is of all time since the first measurement began, which counts as well: a step is due
    when what was spent, and once more what the last one took, is within it. So the distance
    between measurements is `every` or more, never less. Without a share it is `every`.
    """

    def __init__(
        self, every: int, share: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if every < 1:
            raise ValueError(f"every is {every}: steps between measurements, at least 1")
        if share is not None and not 0 < share <= 1:
            raise ValueError(f"budget is {share}: a share of the time, above 0 and at most 1")
        self.every, self.share = every, share
        self._clock = clock
        self._begun: float | None = None
        self._last_step = 0
        self.last_cost = 0.0
        self.spent, self.times = 0.0, 0

    def due(self, step: int) -> bool:
        """Whether the step is to be measured."""
        return self.is_apart(step) and self.is_affordable()

    def is_apart(self, step: int) -> bool:
        """Whether it is `every` steps after the last one: the same in all processes."""
        return self._begun is None or step - self._last_step >= self.every

    def is_affordable(self) -> bool:
        """Whether one more measurement is within the share, by the clock of this process."""
        if self.share is None or self._begun is None:
            return True
        passed = self._clock() - self._begun + self.last_cost
        return self.spent + self.last_cost <= self.share * passed

    @contextlib.contextmanager
    def timed(self, step: int) -> Iterator[None]:
        """Count the time that the block takes, done at `step`."""
        began = self._clock()
        self._begun = began if self._begun is None else self._begun
        yield
        self.last_cost = self._clock() - began
        self._last_step = step
        self.spent += self.last_cost
        self.times += 1

    def told(self) -> str:
        """What was spent, in words."""
        passed = self._clock() - self._begun if self._begun is not None else 0.0
        part = f", {self.spent / passed:.1%} of {passed:,.1f} s" if passed > 0 else ""
        times = "measurement" if self.times == 1 else "measurements"
        return f"{self.times} {times} took {self.spent:,.1f} s{part}"
