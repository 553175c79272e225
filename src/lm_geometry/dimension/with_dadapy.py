"""DADApy's own TwoNN and GRIDE, on our exact neighbours, where DADApy is installed.

DADApy (Glielmo et al. 2022, Patterns 3) needs numpy 1, and so an environment of its own.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import numpy as np

from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.point_cloud.shapes import Float64, Int64

Algorithm = Literal["base", "ml"]
MISSING = (
    "DADApy is not installed, which estimators named dadapy.… need: use the environment that "
    "`make verify` makes (.venv-dadapy), or pip install 'dadapy==0.3.4' under Python 3.11 or 3.12"
)


class Scales(NamedTuple):
    """What DADApy's GRIDE reads."""

    scale: Int64[np.ndarray, "scales"]  # rank of the farther neighbour: 2, 4, 8, …
    dimension: Float64[np.ndarray, "scales"]
    error: Float64[np.ndarray, "scales"]  # standard error of the dimension


def require() -> None:
    """Raises ImportError, which says what to install, where there is no DADApy."""
    if find_spec("dadapy") is None:
        raise ImportError(MISSING)


def twonn(graph: NeighbourGraph, algorithm: Algorithm = "base", mu_fraction: float = 0.9) -> float:
    """The dimension of the graph's cloud by DADApy's `compute_id_2NN`.

    `algorithm` "base" fits a line to the share `mu_fraction` of smallest ratios (our "twonn" with
    the CDF i/n); "ml" is the maximum likelihood of all ratios. Copies of a row leave it undefined.
    Raises ValueError for values out of range, ImportError without DADApy.
    """
    if algorithm not in ("base", "ml"):
        raise ValueError(f"algorithm is {algorithm!r}; it must be 'base' or 'ml'")
    if not 0 < mu_fraction < 1:
        raise ValueError(f"mu_fraction is {mu_fraction}; it is a share between 0 and 1")
    with np.errstate(all="ignore"):
        return float(_data(graph, 2).compute_id_2NN(algorithm, mu_fraction)[0])


def gride(graph: NeighbourGraph, range_max: int = 256) -> Scales:
    """The dimension at the scales 2, 4 … `range_max` by DADApy's `return_id_scaling_gride`.

    Scales beyond the graph's neighbours are left out. Raises ImportError without DADApy.
    """
    reach = min(range_max, graph.n_neighbors)
    with np.errstate(all="ignore"):
        dimension, error, ranks = _data(graph, reach).return_id_scaling_gride(
            reach, return_ranks=True
        )
    return Scales(np.asarray(ranks, np.int64), dimension, error)


def _data(graph: NeighbourGraph, n_neighbors: int) -> Any:
    """DADApy's object for a cloud; its lists begin with the token itself at distance 0."""
    require()
    near, tokens = graph.nearest(n_neighbors), np.arange(len(graph))
    distances = np.column_stack([np.zeros(len(graph)), near.distances])
    indices = np.column_stack([tokens, near.indices])
    with np.printoptions():  # importing DADApy changes how numpy prints
        data = import_module("dadapy").Data
    return data(distances=(distances, indices), maxk=n_neighbors)
