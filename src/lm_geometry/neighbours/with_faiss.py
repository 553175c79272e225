"""Candidates from faiss's exact search."""

import numpy as np

from lm_geometry.point_cloud.cloud import Centred
from lm_geometry.point_cloud.loops import threads
from lm_geometry.point_cloud.shapes import Float64, Int32


def nearest(
    cloud: Centred, keep: int
) -> tuple[Int32[np.ndarray, "tokens keep"], Float64[np.ndarray, "tokens"]]:
    """Candidates `[tokens, keep]` and, per token, a squared distance that no rejected one is below.

    Raises ModuleNotFoundError where neither faiss-cpu nor faiss-gpu is installed.
    """
    import faiss

    faiss.omp_set_num_threads(threads())
    squares, found = faiss.knn(cloud.points, cloud.points, keep + 1)
    # The token itself is usually the first, but not where another one is as near in float32.
    others = found != np.arange(len(found))[:, None]
    others[others.all(axis=1), -1] = False
    tokens = found[others].reshape(len(found), keep).astype(np.int32)
    return tokens, squares[:, -1].astype(np.float64)
