"""CA-PCA: local principal component analysis, adjusted for the curvature of the cloud.

Gilbert, O'Neill 2023, arXiv:2309.13478. A flat ball of radius 1 and d dimensions has d eigenvalues
1/(d + 2) and no others. A quadratic one of the same radius has smaller ones, and its curvature in
the others, from whose sum the loss of the first d is made good.
"""

import numpy as np

from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.neighbours.counts import whole
from lm_geometry.point_cloud.cloud import PointCloud, as_array
from lm_geometry.point_cloud.loops import over_rows
from lm_geometry.point_cloud.magnitude import magnified
from lm_geometry.point_cloud.shapes import Float, Float64, Integer

BATCH = 32  # neighbourhoods of one call to the eigenvalue routine


def local(X: PointCloud, graph: NeighbourGraph, n_neighbors: int) -> Float64[np.ndarray, "tokens"]:
    """The CA-PCA dimension around every token of X `[tokens, width]`, whole numbers `[tokens]`.

    With λ the eigenvalues of the covariance of the L − 1 nearest tokens, L being `n_neighbors`, in
    units of the squared radius, half-way to the L-th: the d for which the first d eigenvalues, each
    raised by (3d + 4) / (d (d + 4)) times the sum T of the others, are nearest to 1/(d + 2), and T
    is small (Euclidean distance + 2 T). d goes from 1 to the width, as published, beyond the
    eigenvalues that are not 0 too: coordinates of zeros can make it larger. NaN where the L-th
    neighbour is a copy, or all L − 1 are equal.

    Source: Gilbert, O'Neill 2023, the estimate by calibrated eigenvalues, with k = L − 1.
    Cost: O(tokens · L² · (L + width)) time, O(L²) memory for a neighbourhood.
    Bias: on 2,000 tokens of a ball 5.0 of 5, 10.0 of 10, 20.0 of 20 at L = 128, and 4.9, 9.8, 18.9
    at L = 32. It takes curvature for small: neighbourhoods as large as a flat torus' circles read
    9.5, 20.0 and 40.0 at L = 128, its linear directions. An uneven density reads too high: 8.0,
    14.6 and 25.2 of a Gaussian cloud at L = 128, 6.2, 12.0 and 21.9 at L = 32.
    Raises ValueError for fewer than 4 neighbours, and where the graph has fewer.
    """
    check(n_neighbors)
    points, power = magnified(as_array(X))
    if len(points) != len(graph):
        raise ValueError(f"X has {len(points)} tokens, but its graph has {len(graph)}")
    near = graph.nearest(n_neighbors)
    radii = np.ldexp(near.distances[:, -2:].astype(np.float64), power - 1).sum(axis=1)
    estimates = np.empty(len(graph))

    def work(first: int, last: int) -> None:
        for start in range(first, last, BATCH):
            stop = min(start + BATCH, last)
            spectra = _spectra(points, near.indices[start:stop, :-1], start, radii[start:stop])
            estimates[start:stop] = dimensions_of(spectra)

    over_rows(work, len(graph), at_least=BATCH)
    return estimates


def of_cloud(X: PointCloud, graph: NeighbourGraph, n_neighbors: int) -> float:
    """The mean of the local dimensions that are defined; NaN where none is."""
    found = local(X, graph, n_neighbors)
    found = found[np.isfinite(found)]
    return float(found.mean()) if len(found) else np.nan


def check(n_neighbors: int) -> None:
    """Raises ValueError for a neighbourhood that has no spectrum."""
    if whole(n_neighbors, "n_neighbors") < 4:
        raise ValueError(f"n_neighbors is {n_neighbors}; CA-PCA needs at least 4")


def dimensions_of(spectra: Float64[np.ndarray, "clouds width"]) -> Float64[np.ndarray, "clouds"]:
    """The dimensions that suit eigenvalues, largest first, in units of the squared radius.

    NaN where they are all 0.
    """
    d = np.arange(1, spectra.shape[1] + 1)
    sums, squares = np.cumsum(spectra, axis=1), np.cumsum(spectra**2, axis=1)
    rest = np.maximum(sums[:, -1:] - sums, 0)
    rest[:, -1] = 0
    # Σ (λ + c)² over the first d, where c is what the curvature adds minus the flat eigenvalue.
    added = (3 * d + 4) / (d * (d + 4)) * rest - 1 / (d + 2)
    distance = np.sqrt(np.maximum(squares + 2 * added * sums + d * added**2, 0))
    best = (distance + 2 * rest).argmin(axis=1) + 1.0
    return np.where(sums[:, -1] > 0, best, np.nan)


def _spectra(
    points: Float[np.ndarray, "tokens width"],
    near: Integer[np.ndarray, "rows L"],
    first: int,
    radii: Float64[np.ndarray, "rows"],
) -> Float64[np.ndarray, "rows width"]:
    """Eigenvalues of the neighbourhoods of the tokens from `first` on, over the squared radii."""
    members, width = near.shape[1], points.shape[1]
    size = min(members, width)
    products = np.zeros((len(near), size, size))
    for row, tokens in enumerate(near):
        if not radii[row] > 0:
            continue
        vectors = points[tokens].astype(np.float64) - points[first + row]
        vectors /= radii[row]
        vectors -= vectors[0].copy()
        vectors -= vectors.mean(axis=0)
        vectors = vectors.T if members > width else vectors
        np.matmul(vectors, vectors.T, out=products[row])
    spectra = np.zeros((len(near), width))
    spectra[:, :size] = np.maximum(np.linalg.eigvalsh(products)[:, ::-1], 0) / (members - 1)
    return spectra
