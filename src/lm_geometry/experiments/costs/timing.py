"""How long things take, by the clock or by the processors, in a bounded time."""

import time
from collections.abc import Callable
from typing import TypeVar

Clock = Callable[[], float]
Result = TypeVar("Result")

SHORTEST = 1e-6  # seconds that a clock tells apart
CLOCKS: dict[str, Clock] = {"clock": time.perf_counter, "processor": time.process_time}


def timed(clock: Clock, work: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds of `work()`, and what it returned."""
    began = clock()
    done = work()
    return clock() - began, done


def per_item(
    clock: Clock, work: Callable[[int], object], most: int, seconds: float
) -> tuple[float, int]:
    """Seconds of an item where `work(items)` does so many at once, and how many were measured.

    The first call, which does what only a first one does, is not counted. The measured one has as
    many items as take the `seconds`, and at most `most`.
    """
    work(1)
    one, _ = timed(clock, lambda: work(1))
    items = max(1, min(most, int(seconds / max(one, SHORTEST))))
    if items == 1:
        return one, 1
    return timed(clock, lambda: work(items))[0] / items, items
