"""Candidates from blocks of inner products on a torch device."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from lm_geometry.neighbours.cloud import Centred

BLOCK_BYTES = {"cuda": 2**30, "cpu": 2**27}  # of one block of products


@contextmanager
def _full_precision() -> Iterator[None]:
    """Single-precision products without TF32 or bfloat16 inside."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def has_cuda() -> bool:
    """Whether torch sees a CUDA device."""
    import torch

    return torch.cuda.is_available()


def nearest(
    cloud: Centred, keep: int, device: str | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Candidates `[tokens, keep]` and, per token, a squared distance that no rejected one is below.

    `device` is a torch device, by default CUDA where there is one.
    """
    import torch

    place = torch.device(device or ("cuda" if has_cuda() else "cpu"))
    points = torch.from_numpy(cloud.points).to(place)
    half = torch.from_numpy(cloud.half_squares).to(place)
    tokens = np.empty((len(points), keep), np.int32)
    highest = np.empty(len(points))
    rows = max(1, BLOCK_BYTES.get(place.type, 2**27) // (4 * len(points)))
    with _full_precision(), torch.inference_mode():
        for first in range(0, len(points), rows):
            block = points[first : first + rows]
            scores = torch.addmm(half, block, points.T, alpha=-1)
            own = torch.arange(len(block), device=place)
            scores[own, first + own] = torch.inf
            lowest = scores.topk(keep, largest=False, sorted=False)
            tokens[first : first + rows] = lowest.indices.int().cpu().numpy()
            highest[first : first + rows] = lowest.values.amax(dim=1).double().cpu().numpy()
    return tokens, 2 * highest + cloud.lengths**2
