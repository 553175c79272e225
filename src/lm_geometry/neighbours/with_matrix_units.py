"""Candidates from products of 8-bit integers on a torch device, such as tensor cores make fast.

The cloud is in fixed point (`fixed_point`), so that products are exact in 32 bits whatever unit
makes them, and what they lack is known: the certificate of the search is the one that it has on
processors with such units. The few massive tokens, which are not in fixed point, have float32
products.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lm_geometry.neighbours.fixed_point import FixedPoint
from lm_geometry.neighbours.with_torch import BLOCK_BYTES, device_or_default
from lm_geometry.point_cloud.cloud import Centred
from lm_geometry.point_cloud.on_device import full_precision
from lm_geometry.point_cloud.shapes import Float, Float64, Int32

if TYPE_CHECKING:
    import torch

GRANULE = 32  # rows of a block: CUDA multiplies whole multiples of 8, and more than 16
GROUP = 32  # scores of which the least stands for all, in a first look


class Lowest(NamedTuple):
    """The lowest scores of some rows and whose they are, in no order, `[rows, keep]`."""

    scores: "torch.Tensor"
    tokens: "torch.Tensor"


def nearest(
    cloud: Centred, fixed: FixedPoint, keep: int, device: str | None = None
) -> tuple[Int32[np.ndarray, "tokens keep"], Float64[np.ndarray, "tokens"]]:
    """Candidates `[tokens, keep]` and, per token, a squared distance that no rejected one is below.

    Both in the order of the cloud. On the device are the cloud, in float32 and in whole numbers,
    and some blocks of `BLOCK_BYTES`.
    """
    import torch

    place = device_or_default(device)
    tokens = np.empty((len(cloud.points), keep), np.int32)
    highest = np.empty(len(cloud.points))
    with full_precision(), torch.inference_mode():
        search = _Search(cloud, fixed, place)
        for first, scores in search.blocks():
            lowest = lowest_of(scores, keep)
            last = first + len(scores)
            tokens[first:last] = lowest.tokens.int().cpu().numpy()
            highest[first:last] = lowest.scores.amax(dim=1).double().cpu().numpy()
    return tokens, 2 * highest + cloud.lengths**2


class _Search:
    """The cloud on a device, and the scores of all tokens for blocks of rows."""

    def __init__(self, cloud: Centred, fixed: FixedPoint, place: "torch.device") -> None:
        import torch

        self.place, self.ordinary, self.width = place, len(fixed.numbers), fixed.width
        self.points = torch.from_numpy(cloud.points).to(place)
        self.half = torch.from_numpy(cloud.half_squares).to(place)
        square = np.float32(fixed.step * fixed.step)
        self.coarse = float(square * np.float32(65536))  # of high with high
        self.fine = float(square * np.float32(256))  # of high with low
        padded = -(-self.ordinary // GRANULE) * GRANULE
        self.numbers = torch.zeros((padded, fixed.numbers.shape[1]), dtype=torch.int8, device=place)
        self.numbers[: self.ordinary] = torch.from_numpy(fixed.numbers).to(place)
        rows = BLOCK_BYTES[place.type] // (4 * len(cloud.points))
        self.rows = max(GRANULE, rows // GRANULE * GRANULE)

    def blocks(self) -> "Iterator[tuple[int, Float[torch.Tensor, 'rows tokens']]]":
        """Number of the first row, and half the squared distance but for the row's own length."""
        for first in range(0, self.ordinary, self.rows):
            yield first, self._of_ordinary(first, min(first + self.rows, self.ordinary))
        for first in range(self.ordinary, len(self.points), self.rows):
            own = self.points[first : first + self.rows]
            yield first, self._without_own(self.half - own @ self.points.T, first)

    def _of_ordinary(self, first: int, last: int) -> "torch.Tensor":
        import torch

        wide, until = self.width, first + -(-(last - first) // GRANULE) * GRANULE
        left, right = self.numbers[first:until], self.numbers
        scores = torch.empty((last - first, len(self.points)), device=self.place)
        inside = scores[:, : self.ordinary]
        high = _product(left[:, :wide], right[:, :wide])[: last - first, : self.ordinary]
        torch.add(self.half[: self.ordinary], high, alpha=-self.coarse, out=inside)
        cross = _product(left[:, : 2 * wide], right[:, wide:])[: last - first, : self.ordinary]
        inside.add_(cross, alpha=-self.fine)
        massive = self.points[self.ordinary :]
        if len(massive):
            products = self.points[first:last] @ massive.T
            scores[:, self.ordinary :] = self.half[self.ordinary :] - products
        return self._without_own(scores, first)

    def _without_own(self, scores: "torch.Tensor", first: int) -> "torch.Tensor":
        import torch

        own = torch.arange(len(scores), device=self.place)
        scores[own, first + own] = torch.inf
        return scores


def _product(a: "torch.Tensor", b: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch._int_mm(a, b.T)  # pyright: ignore[reportPrivateImportUsage]


def lowest_of(scores: "Float[torch.Tensor, 'rows tokens']", keep: int) -> Lowest:
    """The `keep` lowest of the `scores` `[rows, tokens]`, float32, of each row.

    They are in the groups with the `keep` lowest of their least scores: every score is read once,
    and few are sorted.
    """
    rows, number = scores.shape
    whole = number // GROUP * GROUP
    if whole // GROUP <= 2 * keep:
        found = scores.topk(keep, largest=False, sorted=False)
        return Lowest(found.values, found.indices)
    import torch

    grouped = scores[:, :whole].unflatten(1, (-1, GROUP))
    groups = grouped.amin(dim=2).topk(keep, largest=False, sorted=False).indices
    inside = torch.arange(GROUP, device=scores.device)
    places = (groups[:, :, None] * GROUP + inside).flatten(1)
    rest = torch.arange(whole, number, device=scores.device).expand(rows, -1)
    places = torch.cat([places, rest], dim=1)
    found = scores.gather(1, places).topk(keep, largest=False, sorted=False)
    return Lowest(found.values, places.gather(1, found.indices))
