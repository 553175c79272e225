"""Points in the plane for the tokens of a cloud: PCA, then t-SNE or UMAP."""

from importlib import import_module
from typing import Literal

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.shapes import Float, Float32, Float64

Method = Literal["tsne", "umap"]
Plane = Float32[np.ndarray, "tokens 2"]
Points = Float64[np.ndarray, "tokens width"]

COMPONENTS = 50
PERPLEXITY = {"tsne": 30, "umap": 15}


def project(
    X: PointCloud, method: Method = "tsne", seed: int = 0, *, perplexity: int | None = None
) -> Plane:
    """Coordinates of a cloud `[tokens, width]` in the plane.

    The cloud's 50 leading principal components (all of them where there are fewer), then t-SNE
    (van der Maaten 2014; scikit-learn's, started from the first two components) or UMAP (McInnes
    et al. 2018; package umap-learn). `perplexity` is how many neighbours count: 30 for t-SNE, and
    15 for UMAP, which calls it `n_neighbors`, if it is not given. One thread is used: on one
    machine a seed gives the same bytes.

    Raises ValueError for another method, fewer than `perplexity + 1` tokens, values that are not
    finite and a cloud of one point, and ImportError where umap-learn is not installed.
    """
    from threadpoolctl import threadpool_limits

    if method not in PERPLEXITY:
        raise ValueError(f"method: {method!r} is neither 'tsne' nor 'umap'")
    size = PERPLEXITY[method] if perplexity is None else perplexity
    if size < 2:
        raise ValueError(f"perplexity: {size} must be 2 or more")
    points = as_cloud(X, at_least=size + 1).astype(np.float64)
    if not np.ptp(points, axis=0).any():
        raise ValueError(f"X: all of its {len(points)} tokens are the same point")
    reduce = _umap if method == "umap" else _tsne
    with threadpool_limits(1):  # sums over threads come out in another order each time
        return np.asarray(reduce(_leading(points), size, seed), dtype=np.float32)


def aligned(found: Plane, onto: Plane) -> Plane:
    """`found` moved, turned or mirrored to lie as near to `onto` as it can.

    Maps have no direction of their own. Distances in `found` stay as they are (orthogonal
    Procrustes, Schönemann 1966).
    """
    from scipy.linalg import orthogonal_procrustes

    centre = onto.mean(axis=0)
    centred = found - found.mean(axis=0)
    turn, _ = orthogonal_procrustes(centred, onto - centre)
    return centred @ turn + centre


def _leading(points: Points) -> Float64[np.ndarray, "tokens components"]:
    from sklearn.decomposition import PCA

    return PCA(min(COMPONENTS, *points.shape), svd_solver="full").fit_transform(points)


def _tsne(points: Points, perplexity: int, seed: int) -> Float[np.ndarray, "tokens 2"]:
    from sklearn.manifold import TSNE

    settings = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1)
    return settings.fit_transform(points)


def _umap(points: Points, neighbours: int, seed: int) -> Float[np.ndarray, "tokens 2"]:
    try:
        umap = import_module("umap")
    except ImportError:
        raise ImportError(
            "method umap needs umap-learn: pip install -r requirements/maps.txt; tsne does not"
        ) from None
    return umap.UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(points)
