"""What the estimators that other packages have too read on clouds of known dimension.

    python benchmarks/bias_of_others.py [--tokens 2000] [--seeds 5]

A table in Markdown, as `benchmarks/bias.py` prints it for the estimators that the pipeline takes by
default: the unit ball, drawn evenly, has an edge and no curvature; the flat torus, a circle for
each dimension, has no edge and is even, and is curved in its space alone; the third is Gaussian.
"""

import argparse

import numpy as np
from bias import DIMENSIONS, manifold
from numpy.typing import NDArray

from lm_geometry.dimension import bayesian_twonn, binomial, ca_pca, correlation, l2n2
from lm_geometry.neighbours import neighbour_graph

CLOUDS = ("ball", "flat torus", "Gaussian")
COLUMNS = (
    "L2N2",
    "Bayesian TwoNN",
    "binomial k=20",
    "binomial k=100",
    "correlation k=10, 20",
    "CA-PCA L=32",
    "CA-PCA L=128",
)


def readings(X: NDArray[np.float32]) -> list[float]:
    """What the estimators of COLUMNS read."""
    graph = neighbour_graph(X, 128)
    return [
        l2n2.from_graph(graph),
        bayesian_twonn.from_graph(graph).mean,
        binomial.from_graph(graph, 20).dimension,
        binomial.from_graph(graph, 100).dimension,
        correlation.from_graph(X, graph),
        ca_pca.of_cloud(X, graph, 32),
        ca_pca.of_cloud(X, graph, 128),
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    print("| cloud | d |", " | ".join(COLUMNS), "|")
    print("|---|---|" + "---|" * len(COLUMNS))
    for name in CLOUDS:
        for dimension in DIMENSIONS:
            clouds = (
                manifold(name, dimension, arguments.tokens, s) for s in range(arguments.seeds)
            )
            values = np.array([readings(X) for X in clouds])
            cells = zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)
            row = " | ".join(f"{mean:.2f} ± {sd:.2f}" for mean, sd in cells)
            print(f"| {name} | {dimension} | {row} |", flush=True)


if __name__ == "__main__":
    main()
