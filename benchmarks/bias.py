"""What each estimator reads on manifolds of known dimension: a table in Markdown.

    python benchmarks/bias.py [--tokens 2000] [--seeds 5]

No estimator reads 20 on a sphere of 20 dimensions: neighbourhoods of finite size look flatter than
they are. The table says what to expect, as the mean and standard deviation over clouds of different
seeds, in 64 coordinates. Compare dimensions only at the same number of tokens and neighbours.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from lm_geometry.dimension import gride, lpca, mle, twonn
from lm_geometry.neighbours import NeighbourGraph, neighbour_graph

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
    """A cloud `[tokens, 64]` drawn evenly from a unit sphere or ball, or Gaussian, rotated."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((tokens, dimension + (name == "sphere")))
    if name != "Gaussian":
        X /= np.linalg.norm(X, axis=1, keepdims=True)
    if name == "ball":
        X *= rng.random((tokens, 1)) ** (1 / dimension)
    frame = np.linalg.qr(rng.standard_normal((COORDINATES, COORDINATES)))[0]
    return (X @ frame[: X.shape[1]]).astype(np.float32)


def readings(X: NDArray[np.float32], graph: NeighbourGraph) -> list[float]:
    """What the estimators of COLUMNS read; local ones as their mean over tokens."""
    return [
        float(np.mean(twonn.local_from_graph(graph, 64, X=X))),
        float(np.mean(twonn.local_from_graph(graph, 128, X=X))),
        twonn.global_from_graph(graph),
        float(gride.from_graph(graph, 16).dimension[3]),
        mle.global_from_graph(graph, 20),
        mle.global_from_graph(graph, 100),
        float(np.mean(lpca.local(X, graph, 128, rows=range(0, len(X), 10)))),
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{arguments.tokens} tokens, seeds 0 to {arguments.seeds - 1}, rule i/n\n")
    print("| cloud | d |", " | ".join(COLUMNS), "|")
    print("|---|---|" + "---|" * len(COLUMNS))
    for name in MANIFOLDS:
        for dimension in DIMENSIONS:
            clouds = [
                manifold(name, dimension, arguments.tokens, seed) for seed in range(arguments.seeds)
            ]
            values = np.array([readings(X, neighbour_graph(X, 128)) for X in clouds])
            cells = zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)
            row = " | ".join(f"{mean:.2f} ± {deviation:.2f}" for mean, deviation in cells)
            print(f"| {name} | {dimension} | {row} |", flush=True)


if __name__ == "__main__":
    main()
