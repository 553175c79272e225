"""How far a piece of work is, with rate and remaining time: a bar in a terminal, lines elsewhere.

Lines come from a thread that looks four times a second, so that a long item, or work that no loop
counts, is no silence either. Of works within each other the innermost speaks that has something to
say: one that has just begun leaves the line to the work that it is within.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
SECONDS = 9.7  # from one line to the next where there is no terminal: ten, with a look in between
LOOKED = 0.25  # seconds from one look to the next

_under_way: "list[Work]" = []
_lock = threading.Lock()


class Work:
    """A piece of work that goes on: `done` of `total` items of it, counted by whoever does it.

    `first` were done before it began, as by an earlier run that this one resumes.
    """

    said = 0.0  # when any of them said something last

    def __init__(self, what: str, total: int | None = None, first: int = 0) -> None:
        self.what, self.total, self.first, self.done = what, total, first, first
        self.began = time.monotonic()
        self.has_bar = False  # which speaks for it
        self.stream = sys.stderr  # whatever the work itself makes of it

    def say_if_due(self) -> None:
        """Print a line on stderr where the last is ten seconds old and no work within this has."""
        now = time.monotonic()
        with _lock:
            innermost = bool(_under_way) and _under_way[-1] is self
            if not innermost or self.has_bar or now - Work.said < SECONDS:
                return
            speaking = next((work for work in _under_way[::-1] if work.has_news(now)), None)
            if speaking is None or speaking.has_bar:
                return
            Work.said = now
        told = speaking.line(now - speaking.began)
        print(told, file=self.stream, flush=True)

    def has_news(self, now: float) -> bool:
        """Whether items are done, or none for so long that this is news itself."""
        return self.done > self.first or now - self.began >= SECONDS

    def line(self, seconds: float) -> str:
        """Its line, as `line`, once so many seconds have passed."""
        return line(self.what, self.done, self.total, seconds, self.first)

    def go_on(self, done: int) -> None:
        """So many items are done."""
        self.done = done
        self.say_if_due()


@contextlib.contextmanager
def under_way(what: str, total: int | None = None, first: int = 0) -> Iterator[Work]:
    """The work of the block, of which a line is printed every ten seconds, and none where it is
    quick. In a terminal, too: what has a bar is inside, and speaks in its place."""
    work, ended = Work(what, total, first), threading.Event()
    with _lock:
        if not _under_way:
            Work.said = work.began
        _under_way.append(work)
    looking = threading.Thread(target=_look, args=(work, ended), daemon=True)
    looking.start()
    try:
        yield work
    finally:
        ended.set()
        with _lock:
            _under_way.remove(work)


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over `items`, and say on stderr how many of them are done and how long it takes.

    In a terminal that is a bar named `what`. Elsewhere, as in a log, it is a line every ten
    seconds, and none where all of it takes less.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    with under_way(what, total) as work:
        if sys.stderr.isatty():
            work.has_bar = True
            yield from tqdm(items, desc=what, total=total)
            return
        for done, item in enumerate(items):
            work.go_on(done)
            yield item


def line(what: str, done: int, total: int | None, seconds: float, first: int = 0) -> str:
    """`embed base: 12 of 40 in 30 s, 0.4 a second, 70 s left`; of uncounted work the time alone."""
    if total is None and not done:
        return f"{what}: {seconds:.0f} s"
    of = f" of {total}" if total is not None else ""
    told = f"{what}: {done}{of} in {seconds:.0f} s"
    rate = (done - first) / seconds
    if not rate:
        return told
    told += f", {rate:.2g} a second"
    if total is None:
        return told
    return f"{told}, {(total - done) / rate:.0f} s left"


def _look(work: Work, ended: threading.Event) -> None:
    while not ended.wait(LOOKED):
        work.say_if_due()
