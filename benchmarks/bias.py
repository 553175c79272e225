"""What each estimator reads on manifolds of known dimension: a table in Markdown.

    python benchmarks/bias.py [--tokens 2000] [--seeds 5] [--first-seed 0] [--library]

No estimator reads 20 on a sphere of 20 dimensions: neighbourhoods of finite size look flatter than
they are. The table says what to expect, as the mean and standard deviation over clouds of different
seeds, in 64 coordinates. Compare dimensions only at the same number of tokens and neighbours.

With `--library` scikit-dimension alone reads the same clouds, its own neighbours included (local
estimates at every fifth token, lPCA at every twentieth): the expected values of the tests.
"""

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_geometry.dimension import gride, lpca, mle, twonn
from lm_geometry.neighbours import neighbour_graph

MANIFOLDS = ("sphere", "ball", "Gaussian")
DIMENSIONS = (2, 5, 10, 20)
COORDINATES = 64
COLUMNS = (
    "local TwoNN L=64",
    "local TwoNN L=128",
    "global TwoNN",
    "GRIDE n₁=8",
    "MLE k=20",
    "MLE k=100",
    "lPCA FO L=128",
)


def manifold(name: str, dimension: int, tokens: int, seed: int) -> NDArray[np.float32]:
    """A cloud `[tokens, 64]` drawn evenly from a unit sphere or ball, a flat torus, or Gaussian,
    rotated."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((tokens, dimension + (name == "sphere")))
    if name in ("sphere", "ball"):
        X /= np.linalg.norm(X, axis=1, keepdims=True)
    if name == "ball":
        X *= rng.random((tokens, 1)) ** (1 / dimension)
    elif name == "flat torus":
        angles = 2 * np.pi * rng.random((tokens, dimension))
        X = np.hstack([np.cos(angles), np.sin(angles)])
    frame = np.linalg.qr(rng.standard_normal((COORDINATES, COORDINATES)))[0]
    return (X @ frame[: X.shape[1]]).astype(np.float32)


def readings(X: NDArray[np.float32]) -> list[float]:
    """What the estimators of COLUMNS read; local ones as their mean over tokens."""
    graph = neighbour_graph(X, 128)
    return [
        float(np.mean(twonn.local_from_graph(graph, 64, X=X))),
        float(np.mean(twonn.local_from_graph(graph, 128, X=X))),
        twonn.global_from_graph(graph),
        float(gride.from_graph(graph, 16).dimension[3]),
        mle.global_from_graph(graph, 20),
        mle.global_from_graph(graph, 100),
        float(np.mean(lpca.local(X, graph, 128, rows=range(0, len(X), 10)))),
    ]


def library_readings(X: NDArray[np.float32]) -> list[float]:
    """The same from scikit-dimension, in float64."""
    from skdim.id import GRIDE, MLE, TwoNN, lPCA
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    points = X.astype(np.float64)
    with threadpool_limits(1):
        near = NearestNeighbors(n_neighbors=128).fit(points).kneighbors(return_distance=False)
        local = [
            TwoNN().fit_pw(points, near[::5, :size], n_neighbors=size).dimension_pw_.mean()
            for size in (64, 128)
        ]
        found: list[Any] = [
            *local,
            TwoNN().fit(points).dimension_,
            GRIDE(n1=8, n2=16).fit(points).dimension_,
            MLE().fit(points, n_neighbors=20).dimension_,
            MLE().fit(points, n_neighbors=100).dimension_,
            lPCA().fit_pw(points, near[::20], n_neighbors=128).dimension_pw_.mean(),
        ]
    return [float(value) for value in found]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--library", action="store_true", help="scikit-dimension in place of ours")
    arguments = parser.parse_args()
    read = library_readings if arguments.library else readings
    digits = 3 if arguments.library else 2
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    reader = "scikit-dimension" if arguments.library else "lm-geometry"
    print(f"{reader}, {arguments.tokens} tokens, seeds {seeds[0]} to {seeds[-1]}, rule i/n\n")
    print("| cloud | d |", " | ".join(COLUMNS), "|")
    print("|---|---|" + "---|" * len(COLUMNS))
    for name in MANIFOLDS:
        for dimension in DIMENSIONS:
            clouds = (manifold(name, dimension, arguments.tokens, seed) for seed in seeds)
            values = np.array([read(X) for X in clouds])
            cells = zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)
            row = " | ".join(f"{mean:.{digits}f} ± {sd:.{digits}f}" for mean, sd in cells)
            print(f"| {name} | {dimension} | {row} |", flush=True)


if __name__ == "__main__":
    main()
