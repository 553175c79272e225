"""How far a loop is, with rate and remaining time: a bar in a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
SECONDS = 10.0  # from one line to the next where there is no terminal


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over `items`, and say on stderr how many of them are done and how long it takes.

    In a terminal that is a bar named `what`. Elsewhere, as in a log, it is a line every ten
    seconds, and none where all of it takes less.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, desc=what, total=total)
        return
    if total is None and isinstance(items, Sized):
        total = len(items)
    began = said = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - said >= SECONDS:
            said = now
            print(line(what, done, total, now - began), file=sys.stderr, flush=True)
        yield item


def line(what: str, done: int, total: int | None, seconds: float) -> str:
    """`embed base: 12 of 40 in 30 s, 0.4 a second, 70 s left`."""
    of = f" of {total}" if total is not None else ""
    rate = done / seconds
    told = f"{what}: {done}{of} in {seconds:.0f} s, {rate:.2g} a second"
    if total is None or not done:
        return told
    return f"{told}, {(total - done) / rate:.0f} s left"
