"""L2N2: the dimension from the mean of ln ln(r₂/r₁).

Ong, Bobrowski, Reinert, Skraba 2026, arXiv:2603.10493. Where the density is even at the size of two
neighbours, d ln(r₂/r₁) follows the exponential law of rate 1, the mean of whose logarithm is −γ.
"""

import numpy as np

from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.point_cloud.shapes import Float64


def from_graph(graph: NeighbourGraph) -> float:
    """The L2N2 dimension of the graph's cloud; NaN and the rest as `from_distances`."""
    return from_distances(graph.nearest(2).distances)


def from_distances(distances: Float64[np.ndarray, "tokens 2"]) -> float:
    """exp(−γ − mean ln ln(r₂/r₁)) of the distances `[tokens, 2]` to the two nearest tokens.

    γ is Euler's constant. Ratios that are not finite, of copies, and those of exactly 1, of ties,
    whose double logarithm is none, are left out; NaN where fewer than 2 are left. With many ties,
    as among whole numbers, what is left reads too low. A large ratio counts for less than in
    TwoNN, and none is discarded; one near 1 counts for more.

    Source: the statistic of Ong et al. 2026, with the constant that the exponential law gives it,
    E[ln ln(r₂/r₁)] = −γ − ln d; nothing is corrected for few tokens.
    Cost: O(tokens) time and memory.
    Bias: on 2,000 tokens of a ball 4.8 of 5, 8.7 of 10, 15.5 of 20; of a flat torus, whose few
    tokens are so far apart that it bends between them, 5.1, 12.5 and 24.2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.log(distances[:, 1] / distances[:, 0])
    usable = logarithms[np.isfinite(logarithms) & (logarithms > 0)]
    if len(usable) < 2:
        return np.nan
    return float(np.exp(-np.euler_gamma - np.log(usable).mean()))
