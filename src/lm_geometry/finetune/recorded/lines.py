"""Lines and numbers of a log, each error with its file and line."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

NUMBER = re.compile(r"(?:np\.|numpy\.)?float(?:16|32|64)\((?P<inner>[^()]*)\)")


def lines_of(file: Path) -> Iterator[tuple[str, str]]:
    """Each line with its place, `FILE, line 3`; raises ValueError for bytes that are no text."""
    for number, line in enumerate(file.read_bytes().split(b"\n"), 1):
        where = f"{file}, line {number}"
        try:
            yield where, line.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            raise ValueError(f"{where} is no UTF-8") from None


def number_in(text: str, where: str) -> float:
    """The number that a text is, `1e-05` and `np.float64(0.5)` among them; may be NaN.

    Raises ValueError, which begins with `where`, for anything else.
    """
    own = text.strip()
    inner = NUMBER.fullmatch(own)
    try:
        return float(inner["inner"] if inner else own)
    except ValueError:
        raise ValueError(f"{where}: {own!r} is no number") from None


def is_told(value: float, where: str, name: str) -> bool:
    """Whether a value is finite; one that is not is left out, and printed."""
    if math.isfinite(value):
        return True
    print(f"{where}: {name} is {value}, and left out", flush=True)
    return False
