"""Candidates from blocks of inner products on a torch device, measured there if that is a GPU."""

from typing import TYPE_CHECKING

import numpy as np

from lm_geometry.point_cloud.cloud import Centred
from lm_geometry.point_cloud.lists import Lists, empty_lists
from lm_geometry.point_cloud.on_device import full_precision
from lm_geometry.point_cloud.shapes import Float, Float64, Int32

if TYPE_CHECKING:
    import torch

BLOCK_BYTES = {"cuda": 2**30, "cpu": 2**27}  # of one block of products, or of gathered vectors


def has_cuda() -> bool:
    """Whether torch sees a CUDA device."""
    import torch

    return torch.cuda.is_available()


def device_or_default(device: str | None = None) -> "torch.device":
    """`device` as torch knows it; by default CUDA where there is one."""
    import torch

    return torch.device(device or ("cuda" if has_cuda() else "cpu"))


def nearest(
    cloud: Centred, keep: int, device: str | None = None
) -> tuple[Int32[np.ndarray, "tokens keep"], Float64[np.ndarray, "tokens"]]:
    """Candidates `[tokens, keep]` and, per token, a squared distance that no rejected one is below.

    On the device are the cloud and some blocks of `BLOCK_BYTES`.
    """
    import torch

    place = device_or_default(device)
    points = torch.from_numpy(cloud.points).to(place)
    half = torch.from_numpy(cloud.half_squares).to(place)
    tokens = np.empty((len(points), keep), np.int32)
    highest = np.empty(len(points))
    rows = max(1, BLOCK_BYTES[place.type] // (4 * len(points)))
    with full_precision(), torch.inference_mode():
        for first in range(0, len(points), rows):
            block = points[first : first + rows]
            scores = torch.addmm(half, block, points.T, alpha=-1)
            own = torch.arange(len(block), device=place)
            scores[own, first + own] = torch.inf
            lowest = scores.topk(keep, largest=False, sorted=False)
            tokens[first : first + rows] = lowest.indices.int().cpu().numpy()
            highest[first : first + rows] = lowest.values.amax(dim=1).double().cpu().numpy()
    return tokens, 2 * highest + cloud.lengths**2


def measured(
    X: Float[np.ndarray, "tokens width"],
    tokens: Int32[np.ndarray, "tokens room"],
    k: int,
    device: str | None = None,
) -> Lists:
    """The k nearest of every row's candidates and their distances, in float64 by differences.

    Nearest first, ties by index. The device adds the squares in an order of its own, so the last
    bits may differ from those of `distances.measure`.
    """
    import torch

    place = device_or_default(device)
    points = torch.from_numpy(X).to(place)
    lists = empty_lists(len(X), k)
    rows = max(1, BLOCK_BYTES[place.type] // (8 * tokens.shape[1] * X.shape[1]))
    with torch.inference_mode():
        for first in range(0, len(X), rows):
            candidates = torch.from_numpy(tokens[first : first + rows]).to(place).long()
            candidates = candidates.sort(dim=1).values
            differences = points[candidates].double()
            differences -= points[first : first + rows, None].double()
            squares = differences.square_().sum(dim=2)
            nearest_first = squares.sort(dim=1, stable=True)
            kept = nearest_first.indices[:, :k]
            lists.indices[first : first + rows] = candidates.gather(1, kept).int().cpu().numpy()
            lists.distances[first : first + rows] = nearest_first.values[:, :k].sqrt().cpu().numpy()
    return lists
