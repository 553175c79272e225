"""The distinct tokens of one layer around their centre, and the products of all pairs of them."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from lm_geometry.embed.prompts.window import Places
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.shapes import Bool, Float, Float64
from lm_geometry.point_cloud.summation import total

Precision = Literal["float64", "float32"]
Dtype = type[np.float64] | type[np.float32]

ORDINARY = 2.0  # tokens up to this many median lengths make the centre
FLOAT32_LENGTHS = 1e-15, 1e15  # of tokens whose squares float32 holds
WHOLE = 4096  # up to this many tokens all products are made at once (128 MiB)
CONFIDENCE = 6.0  # standard deviations of the rounding error of a float32 product


class Tokens(NamedTuple):
    """The distinct tokens of one layer, as the pass over the rows of their products reads them."""

    states: Float[np.ndarray, "tokens width"]  # as given
    lengths: Float64[np.ndarray, "tokens"]
    squares: Float64[np.ndarray, "tokens"]  # squared distance to the centre
    halves: Float64[np.ndarray, "tokens"]  # 1 / (2 length), 0 for a zero vector
    copies: Float64[np.ndarray, "tokens"]  # how many tokens of the prompt have this vector
    error: float  # see `rounding_error`
    places: Places


def rounding_error(width: int, dtype: Dtype) -> float:
    """A factor f: the squared distance of x and y from their product is off by ≤ f (|x| + |y|)².

    In float64 the worst case of a product of `width` terms, any order of summation (Higham 2002,
    §3.1). In float32, where that is far from what happens, 6 √width rounding units: the errors of
    the terms are independent enough for their sum to grow so (Higham and Mary 2019, SIAM J. Sci.
    Comput. 41). Eight units more are for rounding the coordinates, the squares and the sum.
    """
    unit = float(np.finfo(dtype).eps) / 2
    terms = width if dtype == np.float64 else CONFIDENCE * width**0.5
    return terms * unit / (1 - terms * unit) + 8 * unit


@compiled
def _all_squared_lengths(states, first, last, squares):
    products = np.empty(states.shape[1])
    for row in range(first, last):
        for c in range(products.size):
            value = np.float64(states[row, c])
            products[c] = value * value
        squares[row] = total(products)


@compiled
def _all_shifted(states, centre, first, last, points, squares):
    """Writes x − centre, rounded once, and the squared lengths of what was written."""
    products = np.empty(states.shape[1])
    for row in range(first, last):
        point = points[row]
        for c in range(products.size):
            point[c] = np.float64(states[row, c]) - np.float64(centre[c])
            value = np.float64(point[c])
            products[c] = value * value
        squares[row] = total(products)


def squared_lengths(states: Float[np.ndarray, "tokens width"]) -> Float64[np.ndarray, "tokens"]:
    """|x|² of every token: not finite where a coordinate is not."""
    squares = np.empty(len(states))
    over_rows(lambda a, b: _all_squared_lengths(states, a, b, squares), len(states), 256)
    return squares


def arithmetic(precision: Precision, lengths: Float64[np.ndarray, "tokens"]) -> Dtype:
    """The dtype of the products: float64 as well where float32 would not hold the squares."""
    low, high = FLOAT32_LENGTHS
    fits = lengths.max() < high and lengths.max() > low
    return np.float32 if precision == "float32" and fits else np.float64


def ordinary(lengths: Float64[np.ndarray, "tokens"]) -> Bool[np.ndarray, "tokens"]:
    """The tokens that make the centre: a few of massive activations would drag a mean away."""
    return lengths <= ORDINARY * np.median(lengths)


def centred(
    states: Float[np.ndarray, "tokens width"],
    lengths: Float64[np.ndarray, "tokens"],
    copies: Float64[np.ndarray, "tokens"],
    dtype: Dtype,
    where: Places,
) -> tuple[Tokens, Float[np.ndarray, "tokens width"]]:
    """The tokens, and their coordinates around the centre, in `dtype`."""
    some = ordinary(lengths)
    centre = (some.astype(states.dtype) @ states) / states.dtype.type(some.sum())
    points, squares = np.empty(states.shape, dtype), np.empty(len(states))
    shifted = (states, centre)
    over_rows(lambda a, b: _all_shifted(*shifted, a, b, points, squares), len(states), 256)
    halves = np.divide(0.5, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    error = rounding_error(states.shape[1], dtype)
    return Tokens(states, lengths, squares, halves, copies, error, where), points


def products(
    points: Float[np.ndarray, "tokens width"],
) -> Iterator[tuple[int, Float[np.ndarray, "rows tokens"]]]:
    """(first row, inner products) of blocks of tokens with all tokens."""
    if len(points) <= WHOLE:
        yield 0, points @ points.T  # numpy makes X Xᵀ with half the operations
        return
    rows = max(1, WHOLE * WHOLE // len(points))
    for first in range(0, len(points), rows):
        yield first, points[first : first + rows] @ points.T
