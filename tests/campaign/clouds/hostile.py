"""Point clouds that nobody would wish for, drawn by a seed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Random = np.random.Generator
Points = npt.NDArray[Any]


def _size(random: Random, least: int = 4, most: int = 36) -> tuple[int, int]:
    return int(random.integers(least, most)), int(random.integers(1, 7))


def _plain(random: Random) -> Points:
    return random.standard_normal(_size(random))


def _copies(random: Random) -> Points:
    X = _plain(random)
    return X[random.integers(0, random.integers(1, len(X) + 1), len(X))]


def _all_equal(random: Random) -> Points:
    n, width = _size(random)
    return np.tile(random.standard_normal(width) * 10.0 ** random.integers(-5, 6), (n, 1))


def _on_a_line(random: Random) -> Points:
    n, width = _size(random)
    return np.outer(random.permutation(n), random.integers(-3, 4, width)).astype(float)


def _on_a_circle(random: Random) -> Points:
    n, _ = _size(random)
    angles = 2 * np.pi * np.arange(n) / n
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _grid(random: Random) -> Points:
    n, width = _size(random)
    return random.integers(-2, 3, (n, width))


def _one_hot(random: Random) -> Points:
    return np.eye(int(random.integers(4, 20)))


def _huge(random: Random) -> Points:
    return _plain(random) * 10.0 ** random.integers(60, 148)


def _too_large(random: Random) -> Points:
    X = _plain(random) * 10.0 ** random.integers(155, 305)
    X[0, 0] = 1e160
    return X


def _tiny(random: Random) -> Points:
    return _plain(random) * 10.0 ** -random.integers(60, 300)


def _denormal(random: Random) -> Points:
    return random.integers(-9, 10, _size(random)) * 5e-324


def _at_the_end(random: Random) -> Points:
    return _plain(random) * 2.0 ** -random.integers(1000, 1040)


def _scales_mixed(random: Random) -> Points:
    X = _plain(random)
    return X * 10.0 ** random.integers(-60, 60, X.shape[1])


def _massive(random: Random) -> Points:
    X = _plain(random)
    X[:, 0] += 3000 * random.choice([-1, 0, 1], len(X))
    return X


def _far_away(random: Random) -> Points:
    return _plain(random) + 10.0 ** random.integers(4, 14)


def _outlier(random: Random) -> Points:
    X = _plain(random)
    X[-1] = 10.0 ** random.integers(3, 100)
    return X


def _near_copies(random: Random) -> Points:
    X = _copies(random)
    return X + random.standard_normal(X.shape) * 10.0 ** -random.integers(6, 17)


def _next_floats(random: Random) -> Points:
    n, width = _size(random)
    return 1 + random.integers(0, 5, (n, width)) * np.finfo(float).eps


def _two_clusters(random: Random) -> Points:
    X = _plain(random) * 1e-8
    X[::2] += 1e8
    return X


def _constant_columns(random: Random) -> Points:
    X = _plain(random)
    X[:, random.integers(X.shape[1])] = random.choice([0.0, 1e9, -1e-9])
    return X


def _signed_zeros(random: Random) -> Points:
    return random.choice([0.0, -0.0, 1.0], _size(random))


VALID: tuple[Callable[[Random], Points], ...] = (
    *(_plain, _copies, _all_equal, _on_a_line, _on_a_circle, _grid, _one_hot, _huge, _tiny),
    *(_scales_mixed, _massive, _far_away, _outlier, _near_copies, _next_floats),
    *(_two_clusters, _constant_columns, _signed_zeros),
)


def _with(value: float) -> Callable[[Random], Points]:
    def made(random: Random) -> Points:
        X = _plain(random)
        X[random.integers(len(X)), random.integers(X.shape[1])] = value
        return X

    return made


MAY_BE_REFUSED = (_too_large, _denormal, _at_the_end)  # beyond what squares and digits allow
REFUSED: tuple[Callable[[Random], Any], ...] = (
    *map(_with, (np.nan, np.inf, -np.inf)),
    lambda random: _plain(random)[: random.integers(0, 3)],  # no token, one, two
    lambda random: np.empty((9, 0)),
    lambda random: _plain(random)[0],
    lambda random: _plain(random)[None],
    lambda random: _plain(random) + 1j,
    lambda random: _plain(random).astype(str),
    lambda random: [[0.0, 1.0], [2.0], [1.0], [3.0]],
    lambda random: None,
    lambda random: np.float64(3),
    lambda random: np.full((9, 2), "2026-01-01", dtype="datetime64[D]"),
)


def stored(X: Points, random: Random) -> Points:
    """The same values in another type, order or memory."""
    way = int(random.integers(6))
    if way == 0:
        with np.errstate(over="ignore", under="ignore"):
            single = X.astype(np.float32)
        return single if np.isfinite(single).all() else X
    if way == 1:
        return np.asfortranarray(X)
    if way == 2:
        return np.repeat(X, 2, axis=0)[::2]
    if way == 3:
        X = X.copy()
        X.flags.writeable = False
    return X


class Drawn(NamedTuple):
    """A cloud of some kind, and whether it may or must be refused."""

    kind: str
    X: Any
    may: bool
    must: bool


def drawn(random: Random) -> Drawn:
    """A cloud; of ten one that must be refused."""
    if random.random() < 0.1:
        number = int(random.integers(len(REFUSED)))
        return Drawn(f"no cloud {number}", REFUSED[number](random), may=True, must=True)
    makers = (*VALID, *MAY_BE_REFUSED)
    make = makers[random.integers(len(makers))]
    may = make in MAY_BE_REFUSED
    X = make(random) if may else stored(make(random), random)
    return Drawn(make.__name__.strip("_"), X, may, must=False)
