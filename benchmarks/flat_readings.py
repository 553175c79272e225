"""What local TwoNN reads on flat, even, independent clouds: the table behind `flat_equivalent`.

    python benchmarks/flat_readings.py

Written to src/lm_geometry/dimension/flat_readings.csv, which the package holds: the mean over 200
tokens, of one cloud or of several small ones, of each shape, dimension and number of tokens. It is
made again only where the estimator changes; the first cloud is read by the library as well.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lm_geometry.dimension import twonn
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.point_cloud.loops import compiled
from lm_geometry.workspace.progress import progress

TABLE = Path(__file__).parents[1] / "src" / "lm_geometry" / "dimension" / "flat_readings.csv"
SHAPES = ("ball", "cube", "Gaussian", "sphere")
DIMENSIONS = (1, 2, 3, 4, 6, 8, 11, 15, 20, 28, 40, 60)
TOKENS = (500, 1000, 2000, 4500, 10000)
SIZES = (32, 64, 128, 256)
RULES: tuple[twonn.Cdf, ...] = ("i/n", "(i-1)/n")
READ = 200  # tokens whose neighbourhoods are read
DRAWN = 5000  # tokens that small clouds have together

Points = NDArray[np.float64]


def flat(shape: str, dimension: int, tokens: int, seed: int) -> Points:
    """A cloud `[tokens, width]` drawn evenly from a unit ball, cube or sphere, or Gaussian."""
    rng = np.random.default_rng([seed, dimension, tokens, SHAPES.index(shape)])
    if shape == "cube":
        return rng.random((tokens, dimension))
    X = rng.standard_normal((tokens, dimension + (shape == "sphere")))
    if shape == "Gaussian":
        return X
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X if shape == "sphere" else X * rng.random((tokens, 1)) ** (1 / dimension)


@compiled
def ratios_inside(squares, sizes, ratios):
    """Fills `ratios` `[sizes, members]` with r₂/r₁ of the first members among as many of them."""
    for member in range(squares.shape[0]):
        nearest, second, size = np.inf, np.inf, 0
        for other in range(squares.shape[0] + 1):
            if other == sizes[size]:
                if member < other:
                    ratios[size, member] = np.sqrt(second / nearest)
                size += 1
                if size == sizes.size:
                    break
            square = squares[member, other]
            if other == member:
                continue
            if square < nearest:
                nearest, second = square, nearest
            elif square < second:
                second = square


def estimates(X: Points, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """Local TwoNN `[tokens, sizes, rules]` of some tokens of X."""
    found = np.empty((len(tokens), len(SIZES), len(RULES)))
    sizes, ratios = np.array(SIZES), np.empty((len(SIZES), SIZES[-1]))
    for place, token in enumerate(tokens):
        away = ((X - X[token]) ** 2).sum(axis=1)
        away[token] = np.inf
        near = np.argpartition(away, SIZES[-1])[: SIZES[-1]]
        members = X[near[np.argsort(away[near])]] - X[token]
        squares = members @ members.T
        lengths = squares.diagonal()
        ratios_inside(lengths + lengths[:, None] - 2 * squares, sizes, ratios)
        for size, members_of_size in enumerate(SIZES):
            mu = np.sort(ratios[size, :members_of_size])[None]
            for rule, name in enumerate(RULES):
                twonn.fit_each(mu, name == "i/n", False, 0.1, found[place, size, rule : rule + 1])
    return found


def readings(shape: str, dimension: int, tokens: int) -> Iterator[list[object]]:
    """A row of the table for each size of neighbourhoods and rule."""
    clouds = max(DRAWN // tokens, 1)
    chosen = np.arange(READ // clouds)  # tokens are in no order
    found = [estimates(flat(shape, dimension, tokens, seed), chosen) for seed in range(clouds)]
    means = np.concatenate(found).mean(axis=0)
    for size, by_rule in zip(SIZES, means, strict=True):
        for rule, reading in zip(RULES, by_rule, strict=True):
            yield [shape, dimension, tokens, size, rule, clouds, f"{reading:.4f}"]


def check() -> None:
    """That the library reads the same of the first cloud."""
    X = flat(SHAPES[0], DIMENSIONS[4], TOKENS[0], 0)
    graph, chosen = neighbour_graph(X, SIZES[-1]), np.arange(10)
    for size, of_size in zip(SIZES, np.moveaxis(estimates(X, chosen), 1, 0), strict=True):
        for name, ours in zip(RULES, of_size.T, strict=True):
            theirs = twonn.local_from_graph(graph, size, name, X=X)[chosen]
            np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def main() -> None:
    """Make the table."""
    check()
    rows: list[list[object]] = []
    cells = [(shape, d, n) for d in DIMENSIONS for shape in SHAPES for n in TOKENS]
    for cell in progress(cells, "clouds"):
        rows += readings(*cell)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["shape", "dimension", "tokens", "n_neighbors", "cdf", "clouds", "reading"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
