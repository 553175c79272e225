"""Deduplication, Hausdorff distance, overlap and imbalance against the usual ways, in Markdown.

    python benchmarks/pairs.py [--tokens 60000] [--pair-tokens 3000]

The usual ways are `numpy.unique(axis=0)`, scipy's `directed_hausdorff` in both directions, a loop
over tokens and sets for the overlap, and full ranks by `argsort` for the imbalance. They take turns
in one process with one thread; times are processor seconds, the best of three.
"""

import argparse
import time
from typing import Any

import clouds
import measured
import numpy as np
from scipy.spatial.distance import cdist, directed_hausdorff

HEAD = ("what", "size", "usual way s", "ours s", "ratio", "difference")
OVERLAP, IMBALANCE = 31, 1000


def compared(what: str, size: str, usual: measured.Work, ours: measured.Work) -> list[str]:
    """One line of the table."""
    ours()  # compiles
    found = measured.interleaved({"usual": usual, "ours": ours}, 3, time.process_time)
    (slow, expected), (fast, value) = found["usual"], found["ours"]
    difference = np.max(np.abs(np.asarray(expected, float) - np.asarray(value, float)))
    times = [f"{slow:.3f}", f"{fast:.4f}", f"**{slow / fast:.0f}**"]
    return [what, size, *times, f"{difference:.0e}"]


def deduplication(tokens: int) -> list[str]:
    """`deduplicate` on a cloud of which one token in a hundred is a copy."""
    from lm_geometry import deduplicate

    X = clouds.made(tokens, 768)
    copies = np.random.default_rng(1).choice(tokens, (2, tokens // 100))
    X[copies[0]] = X[copies[1]]
    return compared(
        "exact deduplication",
        f"{tokens:,} x 768",
        lambda: np.sort(np.unique(X, axis=0, return_index=True)[1]),
        lambda: deduplicate(X),
    )


def noise(tokens: int) -> list[str]:
    """`hausdorff` between a cloud and its noisy copy."""
    from lm_geometry import hausdorff

    X = clouds.made(tokens, 768).astype(np.float64)
    Y = X + np.random.default_rng(1).normal(0, 0.01, X.shape)
    return compared(
        "Hausdorff, clean and noisy",
        f"{tokens:,} x 768",
        lambda: (directed_hausdorff(X, Y)[0], directed_hausdorff(Y, X)[0]),
        lambda: tuple(hausdorff(X, Y)),
    )


def two_layers() -> tuple[clouds.Cloud, clouds.Cloud]:
    """Two clouds of the same tokens."""
    X = clouds.made(IMBALANCE, 768)
    return X, X + 0.5 * np.random.default_rng(1).standard_normal(X.shape, dtype=np.float32)


def overlap() -> list[str]:
    """`neighbourhood_overlap` for k = 1 … 31."""
    from lm_geometry import neighbourhood_overlap

    A, B = two_layers()
    return compared(
        f"overlap, k = 1 … {OVERLAP}",
        f"{len(A):,} x 768",
        lambda: _overlap_by_sets(A, B),
        lambda: neighbourhood_overlap(A, B, k_max=OVERLAP),
    )


def _overlap_by_sets(A: clouds.Cloud, B: clouds.Cloud) -> list[float]:
    orders = []
    for X in (A, B):
        distances = cdist(X.astype(float), X.astype(float))
        np.fill_diagonal(distances, -1)
        orders.append(np.argsort(distances, axis=1, kind="stable")[:, 1:])
    return [
        float(np.mean([len(set(a[:k]) & set(b[:k])) / k for a, b in zip(*orders, strict=True)]))
        for k in range(1, OVERLAP + 1)
    ]


def imbalance() -> list[str]:
    """`information_imbalance` in both directions."""
    from lm_geometry import information_imbalance

    A, B = two_layers()
    return compared(
        "information imbalance",
        f"{len(A):,} x 768",
        lambda: _imbalance_by_ranks(A, B),
        lambda: tuple(information_imbalance(A, B)),
    )


def _imbalance_by_ranks(A: clouds.Cloud, B: clouds.Cloud) -> tuple[Any, ...]:
    ranks = []
    for X in (A, B):
        distances = cdist(X.astype(float), X.astype(float))
        np.fill_diagonal(distances, -1)
        ranks.append(np.argsort(np.argsort(distances, axis=1, kind="stable"), axis=1))
    n = len(A)
    return tuple(
        2 / n * np.mean(other[np.arange(n), np.argmax(own == 1, axis=1)])
        for own, other in (ranks, ranks[::-1])
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=60_000, help="of the deduplication")
    parser.add_argument("--pair-tokens", type=int, default=3000, help="of the Hausdorff distance")
    arguments = parser.parse_args()
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        rows = [deduplication(arguments.tokens), noise(arguments.pair_tokens)]
        rows += [overlap(), imbalance()]
    print(measured.table(HEAD, rows))


if __name__ == "__main__":
    main()
