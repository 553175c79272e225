"""Progress with rate and remaining time, silent when nobody watches."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over `items` behind a bar that names `what`; no bar where stderr is no terminal."""
    yield from tqdm(items, desc=what, total=total, disable=not sys.stderr.isatty())
