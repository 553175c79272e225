"""The persistent-homology dimension: how the edges of the shortest tree shorten as points come.

In degree 0 the features of a Vietoris–Rips filtration die at the edges of the minimal spanning
tree. A cloud is dealt by a seed into 1, 2, 4, 8 parts of equal size, each part of one number the
union of two of the next: every token counts at every size, and no tree twice.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from lm_geometry.neighbours.counts import number
from lm_geometry.observables.spanning_tree import spanning_tree, squared_distances
from lm_geometry.point_cloud.cloud import SAMPLE, PointCloud, as_cloud
from lm_geometry.point_cloud.loops import side_by_side
from lm_geometry.point_cloud.magnitude import to_one
from lm_geometry.point_cloud.shapes import Float, Float64, Int64

MOST = 2000  # tokens of the largest tree
SIZES = 4  # of trees, each half of the one before
FEWEST = 8  # tokens of the smallest tree
NO_GROUP = -2  # that any token is in


def persistent_homology_dimension(X: PointCloud, power: float = 1, seed: int = 0) -> float:
    """The dimension of X `[tokens, width]` from the edges of shortest trees, to the power `power`.

    Over n tokens of a cloud of dimension d, E = Σ |edge|^power grows as n^((d − power) / d), and
    power / (1 − slope of ln E on ln n) is the dimension. At power 0, where E is n − 1 whatever the
    dimension, it is −1 / slope of the mean of ln |edge|, as lengths fall like n^(−1/d); copies,
    edges of length 0, are left out of that mean. The higher the power the more the longest edges
    count, those to the cloud's outskirts. Sizes n
    are tokens, tokens / 2, tokens / 4 and tokens / 8, over all disjoint parts of that size, which
    `seed` deals; a cloud of more than 2,000 begins at the first of tokens / 2, tokens / 4 … that is
    no larger. NaN where edges do not shorten.

    Source: Schweinhart 2020, Advances in Mathematics 372:107291; power 1 as in Birdal, Lou, Guibas,
    Simsekli 2021, NeurIPS 34, who take random subsets of more sizes.
    Cost: O(tokens · width · 2,000) time for products, O(tokens · 2,000) for trees, 32 MB.
    Bias: too low, the more so the higher the dimension: 4.6 of 5, 8.4 of 10 and 15 of 20 on a cube
    of 2,000 tokens, 4.9, 9.2 and 16 on a sphere. From power 1 on a few massive tokens, whose edges
    outweigh all others, rule it: see `massive_tokens`.
    Raises ValueError for fewer than 16 tokens, a negative power, and NaN or infinite values.
    """
    points = as_cloud(X, at_least=2 * FEWEST)
    if not 0 <= number(power, "power") < np.inf:
        raise ValueError(f"power is {power}; it must be 0 or more, and finite")
    groups = np.full(len(points), -1)
    return float(dimensions_without_groups(points, groups, 0, [power], seed)[0, 0])


def dimensions_without_groups(
    points: Float[np.ndarray, "tokens width"],
    groups: Int64[np.ndarray, "tokens"],
    count: int,
    powers: Sequence[float],
    seed: int = 0,
) -> Float64[np.ndarray, "deletions powers"]:
    """The dimension at each power: of all tokens, then without each of the groups 0 … count − 1.

    A token stays in its part whatever is left out, so that what is without a group differs by the
    group alone. NaN where a part is left without an edge.
    """
    first, sizes = _halvings(len(points))
    if sizes < 2:
        return np.full((1 + count, len(powers)), np.nan)
    rows, _ = to_one(points)
    rows -= np.median(rows[:: -(-len(rows) // SAMPLE)], axis=0)  # no huge row drags it
    rank = np.random.default_rng(seed).permutation(len(rows))
    totals = np.zeros((1 + count, sizes, 1 + len(powers)))
    for part in range(2**first):
        chosen = np.flatnonzero(rank % 2**first == part)
        X, squares = rows[chosen], squared_distances(rows[chosen])
        read = partial(_read, X, squares, rank[chosen] >> first, groups[chosen], powers, sizes)
        totals += np.stack(side_by_side(read, [NO_GROUP, *range(count)]))
    means = totals / 2 ** (first + np.arange(sizes))[:, None]
    return np.array(
        [[_dimension(of, 1 + p, powers[p]) for p in range(len(powers))] for of in means]
    )


def _halvings(tokens: int) -> tuple[int, int]:
    """How often the tokens are halved for the largest trees, and how many sizes there are then."""
    first = 0
    while tokens > MOST * 2**first:
        first += 1
    sizes = SIZES
    while sizes and tokens < FEWEST * 2 ** (first + sizes - 1):
        sizes -= 1
    return first, sizes


def _read(
    X: Float64[np.ndarray, "rows width"],
    squares: Float64[np.ndarray, "rows rows"],
    rank: Int64[np.ndarray, "rows"],
    groups: Int64[np.ndarray, "rows"],
    powers: Sequence[float],
    sizes: int,
    without: int,
) -> Float64[np.ndarray, "sizes columns"]:
    """Sums over the parts of each size: of ln n, then for each power of ln Σ |edge|^power.

    At power 0 of the mean of ln |edge|.
    """
    found = np.zeros((sizes, 1 + len(powers)))
    for size in range(sizes):
        for part in range(2**size):
            tokens = np.flatnonzero((rank % 2**size == part) & (groups != without))
            lengths = np.empty(max(len(tokens) - 1, 0))
            if len(lengths):
                spanning_tree(X, squares, tokens, lengths)
            edges = lengths[lengths > 0]
            if not len(edges):
                found[size] = np.nan
                continue
            logarithms = [np.log((edges**p).sum()) if p else np.log(edges).mean() for p in powers]
            found[size] += [np.log(len(tokens)), *logarithms]
    return found


def _dimension(curve: Float64[np.ndarray, "sizes columns"], column: int, power: float) -> float:
    """From the mean over parts of ln n, and of the edges in another column, for each size."""
    x = curve[:, 0] - curve[:, 0].mean()
    slope = float(x @ curve[:, column] / (x @ x))
    shortening = (1 - slope) / power if power else -slope
    return 1 / shortening if shortening > 0 else np.nan
