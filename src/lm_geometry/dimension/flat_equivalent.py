"""The flat-equivalent dimension: of a flat, even, independent cloud whose mean reads the same.

`flat_readings.csv` has the mean local TwoNN dimension of clouds drawn evenly from unit balls, cubes
and spheres, and from Gaussians, of 1 to 60 dimensions, 500 to 10,000 tokens and neighbourhoods of
32 to 256; made once by `python benchmarks/flat_readings.py`.
"""

import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lm_geometry.dimension.twonn import Cdf, Fit
from lm_geometry.neighbours.counts import number, whole
from lm_geometry.point_cloud.shapes import Float64

TABLE = Path(__file__).with_name("flat_readings.csv")
AXES = ("dimension", "tokens", "n_neighbors")


class FlatEquivalent(NamedTuple):
    """A dimension, and between which ones it lies for the shapes of the table: no interval."""

    dimension: float  # the geometric mean over shapes
    lowest: float
    highest: float


class FlatReadings(NamedTuple):
    """What is read on flat clouds of a shape, by the logarithms of the axes."""

    axes: tuple[Float64[np.ndarray, "_"], ...]  # of AXES, ascending
    readings: Float64[np.ndarray, "dimensions tokens sizes"]


def flat_equivalent(
    reading: float,
    tokens: int,
    n_neighbors: int = 128,
    estimator: str = "twonn",
    cdf: Cdf = "i/n",
    fit: Fit = "linear",
    discard: float = 0.1,
) -> FlatEquivalent:
    """The dimension of a flat cloud of so many `tokens` whose mean local TwoNN is `reading`.

    `reading` is the mean of `local_dimension` over all tokens of a cloud, with the options that are
    given here. It is a second number beside the reading, never in its place: it takes away what the
    estimator lacks on flat, evenly and independently drawn tokens, which hardly depends on
    their shape, and nothing else. `lowest` and `highest` are those of the four shapes of the table,
    ball, cube, Gaussian and sphere; they are a range of shapes, and no interval of anything drawn.

    It fails, and nothing in it tells so, where the density changes inside a neighbourhood (too
    low), where the cloud bends within one (too high), where noise fills a neighbourhood of a cloud
    of few dimensions (too high), and where tokens are dependent, as those of one text are (too low:
    read without neighbours of the own document first, which overshoots). docs/estimators.md has
    errors on manifolds that the table was not made of.

    Source: interpolation of the table in the logarithms of dimension, tokens and n_neighbors, for
    each shape; calibration by clouds of known dimension as in Camastra, Vinciarelli 2002, Neural
    Processing Letters 14:27.
    Cost: microseconds, once the table of 1,920 readings is read.
    Bias: none on flat clouds but the noise of the table, up to 3 % of a shape; elsewhere as said.
    Raises ValueError for what the table has not: another estimator, fit or discard, fewer than 500
    tokens or more than 10,000, neighbourhoods below 32 or above 256, and readings that no shape has
    between 1 and 60 dimensions.
    """
    if (estimator, fit, discard) != ("twonn", "linear", 0.1):
        raise ValueError(
            f"the table is of estimator 'twonn', fit 'linear' and discard 0.1, not of "
            f"{estimator!r}, {fit!r} and {discard}"
        )
    table = flat_readings()
    if cdf not in table:
        raise ValueError(f"cdf is {cdf!r}; the table is of {' and '.join(map(repr, table))}")
    asked = {"tokens": whole(tokens, "tokens"), "n_neighbors": whole(n_neighbors, "n_neighbors")}
    _refuse_outside(asked, table[cdf])
    read = number(reading, "reading")
    found = [_inverse(read, of, *asked.values()) for of in table[cdf].values()]
    return FlatEquivalent(float(np.exp(np.mean(np.log(found)))), min(found), max(found))


@lru_cache(maxsize=1)
def flat_readings() -> dict[str, dict[str, FlatReadings]]:
    """The table by `cdf` and shape."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    axes = [sorted({int(row[axis]) for row in rows}) for axis in AXES]
    found: dict[str, dict[str, FlatReadings]] = {}
    for row in rows:
        of = found.setdefault(row["cdf"], {})
        if row["shape"] not in of:
            logarithms = tuple(np.log(np.array(axis, np.float64)) for axis in axes)
            of[row["shape"]] = FlatReadings(logarithms, np.full([*map(len, axes)], np.nan))
        place = tuple(axis.index(int(row[name])) for axis, name in zip(axes, AXES, strict=True))
        of[row["shape"]].readings[place] = float(row["reading"])
    return found


def _refuse_outside(asked: Mapping[str, int], shapes: Mapping[str, FlatReadings]) -> None:
    """Raises ValueError for tokens or neighbourhoods outside of the table."""
    axes: dict[str, np.ndarray] = dict(zip(AXES, next(iter(shapes.values())).axes, strict=True))
    for name, value in asked.items():
        first, last = (round(np.exp(axes[name][end])) for end in (0, -1))
        if not first <= value <= last:
            raise ValueError(f"{name} is {value:,}; the table goes from {first:,} to {last:,}")


def _inverse(reading: float, of: FlatReadings, tokens: int, n_neighbors: int) -> float:
    """The dimension at which the shape reads so."""
    read = np.log(of.readings)
    for axis, value in ((2, n_neighbors), (1, tokens)):
        read = _between(read, of.axes[axis], float(np.log(value)))
    lowest, highest = np.exp(read[[0, -1]])
    if not lowest <= reading <= highest:
        dimensions = [round(np.exp(of.axes[0][end])) for end in (0, -1)]
        raise ValueError(
            f"reading is {reading:.4g}; flat clouds of {dimensions[0]} to {dimensions[1]} "
            f"dimensions, {tokens:,} tokens and {n_neighbors} neighbours read {lowest:.3g} to "
            f"{highest:.3g}"
        )
    return float(np.exp(np.interp(np.log(reading), read, of.axes[0])))


def _between(
    read: Float64[np.ndarray, "... points"], axis: Float64[np.ndarray, "points"], value: float
) -> Float64[np.ndarray, "..."]:
    """`read` at a `value` of its last axis, linearly between two points of it."""
    above = int(np.clip(np.searchsorted(axis, value), 1, len(axis) - 1))
    share = (value - axis[above - 1]) / (axis[above] - axis[above - 1])
    return (1 - share) * read[..., above - 1] + share * read[..., above]
