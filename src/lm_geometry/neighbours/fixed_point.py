"""A cloud in fixed point, whose products processors with matrix units of 8-bit integers make fast.

The cloud is rotated, so that no coordinate is much larger than others, and every coordinate is
rounded to a whole number of steps, 256 high + low, of two 8-bit integers. Products of such rows are
exact in 32 bits but for low times low, which is left out.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from lm_geometry.neighbours.candidates import WholeProducts
from lm_geometry.point_cloud.cloud import Centred, centre_and_scale
from lm_geometry.point_cloud.loops import compiled, compiled_sum, over_rows
from lm_geometry.point_cloud.shapes import Float, Float64, Int8, Int32, Int64

MOST = 127 * 256 + 127  # steps to the largest coordinate
GRANULE = 64  # coordinates are padded to a multiple; so many the units take at once
LANES = 8  # coordinates transformed side by side, as many as a vector register holds
WORTH_LOADING = 3e11  # tokens² × width from which on torch may be loaded for this
WIDEST = 32768  # coordinates whose products still fit into 32 bits
FEWEST = 15 / 16  # least share of ordinary tokens


class FixedPoint(NamedTuple):
    """The ordinary tokens, which come first in their cloud, as whole numbers of steps."""

    numbers: Int8[np.ndarray, "ordinary parts"]  # 3 width parts: high, low, high; or width: high
    width: int
    step: float

    def products(self, a: slice, b: slice) -> WholeProducts:
        """Of the rows a with the rows b: high with high, and the sum of high with low both ways.

        The sum has size 1 where there are no low numbers.
        """
        left, right, wide = self.numbers[a], self.numbers[b], self.width
        high = _product(left[:, :wide], right[:, :wide])
        if self.numbers.shape[1] == wide:
            return WholeProducts(high, np.zeros((1, 1), np.int32), self.step)
        cross = _product(left[:, : 2 * wide], right[:, wide:])
        return WholeProducts(high, cross, self.step)

    def rough_products(
        self, a: slice, b: Int64[np.ndarray, "columns"]
    ) -> Float64[np.ndarray, "rows columns"]:
        """Inner products of the points a with the points b, without the low numbers."""
        high = _product(self.numbers[a, : self.width], self.numbers[b, : self.width])
        return high * np.float32((256 * self.step) ** 2)


def _product(
    a: Int8[np.ndarray, "rows width"], b: Int8[np.ndarray, "columns width"]
) -> Int32[np.ndarray, "rows columns"]:
    import torch

    product = torch._int_mm(  # pyright: ignore[reportPrivateImportUsage]
        torch.from_numpy(a), torch.from_numpy(b).T
    )
    return product.numpy()


def is_faster(tokens: int, width: int) -> bool:
    """Whether three products of 8-bit integers take less time here than one of float32.

    So it is with a matrix unit for them (Intel AMX), where torch is loaded or worth the loading.
    """
    if "torch" not in sys.modules and tokens**2 * width < WORTH_LOADING:
        return False
    try:
        import torch
    except ModuleNotFoundError:
        return False
    return bool(getattr(torch.cpu, "get_capabilities", dict)().get("amx_int8"))


@contextmanager
def one_thread_each() -> Iterator[None]:
    """A context in which torch's products use one thread: our own threads run beside each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_fixed_point(
    X: Float[np.ndarray, "tokens width"],
    order: Int64[np.ndarray, "tokens"],
    ordinary: int,
    coarse: bool = False,
) -> tuple[Centred, FixedPoint] | None:
    """X in fixed point, rows in `order`, the first `ordinary` rounded to steps, others to float32.

    `coarse` leaves the low numbers out. None where fixed point is no use: for more than a few
    massive tokens, and for more coordinates than 32 bits allow.
    """
    width = -(-X.shape[1] // GRANULE) * GRANULE
    if ordinary < FEWEST * len(X) or width > WIDEST:
        return None
    origin = centre_and_scale(X)
    rotation = _rotation(X.shape[1], width)
    points = np.zeros((len(X), width), np.float32)
    over_rows(lambda a, b: _rotate(X, order, origin, rotation, a, b, points), len(X))
    step = float(max(points[:ordinary].max(), -points[:ordinary].min())) / MOST
    if step == 0:
        return None
    numbers = np.empty((ordinary, width if coarse else 3 * width), np.int8)
    moved, low = np.empty(ordinary), np.empty(ordinary)
    over_rows(lambda a, b: _round(points, step, coarse, a, b, numbers, moved, low), ordinary)
    squares = np.empty(len(X))
    over_rows(lambda a, b: _squares(points, a, b, squares), len(X))
    cloud = Centred(
        points,
        (squares / 2).astype(np.float32),
        np.sqrt(squares),
        origin[1],
        order,
        moved=float(np.sqrt(moved.max())),
        dropped=2 * float(low.max()) * step**2,
    )
    return cloud, FixedPoint(numbers, width, step)


class Rotation(NamedTuple):
    """Mix, transform, mix, transform: signs of the coordinates, and where each comes from."""

    signs: Float64[np.ndarray, "2 padded"]
    places: Int64[np.ndarray, "2 padded"]
    block: int  # coordinates that are transformed together


def _rotation(width: int, padded: int) -> Rotation:
    """A rotation of vectors of `width` coordinates, padded with zeros.

    The same for every cloud of a width. A transform is Hadamard's (Ailon and Chazelle 2009, SIAM J.
    Comput. 39), of every eighth coordinate of a block.
    """
    generator = np.random.default_rng(width)
    signs = generator.choice([-1.0, 1.0], (2, padded))
    places = np.stack([generator.permutation(padded) for _ in range(2)])
    return Rotation(signs, places, padded & -padded)


@compiled
def _transform(vector, block):
    half = LANES
    while half < block:
        for start in range(0, vector.size, 2 * half):
            for c in range(start, start + half):
                x, y = vector[c], vector[c + half]
                vector[c], vector[c + half] = x + y, x - y
        half *= 2


@compiled
def _rotate(X, order, origin, rotation, first, last, points):
    centre, scale = origin
    signs, places, block = rotation
    width = X.shape[1]
    vector, mixed = np.zeros(signs.shape[1]), np.empty(signs.shape[1])
    for r in range(first, last):
        row = X[order[r]]
        for c in range(width):
            vector[c] = (np.float64(row[c]) - centre[c]) * scale
        vector[width:] = 0.0
        for turn in range(2):
            for c in range(vector.size):
                mixed[c] = signs[turn, c] * vector[places[turn, c]]
            _transform(mixed, block)
            for place in range(len(mixed)):
                vector[place] = mixed[place]
        for c in range(vector.size):
            points[r, c] = vector[c] * LANES / block


@compiled_sum
def _round(points, step, coarse, first, last, numbers, moved, low):
    width = points.shape[1]
    for r in range(first, last):
        moved[r] = low[r] = 0.0
        for c in range(width):
            x = np.float64(points[r, c])
            steps = np.rint(x / step)
            high = np.floor((steps + 128.0) / 256.0)
            rest = 0.0 if coarse else steps - 256.0 * high
            numbers[r, c] = np.int8(high)
            if not coarse:
                numbers[r, width + c] = np.int8(rest)
                numbers[r, 2 * width + c] = np.int8(high)
            y = (256.0 * high + rest) * step
            points[r, c] = y
            moved[r] += (x - y) ** 2
            low[r] += rest * rest


@compiled_sum
def _squares(points, first, last, squares):
    for r in range(first, last):
        total = 0.0
        for c in range(points.shape[1]):
            total += np.float64(points[r, c]) ** 2
        squares[r] = total
