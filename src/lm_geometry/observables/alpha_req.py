"""α-ReQ: how fast the eigenvalues of a cloud's covariance fall with their rank."""

import numpy as np

from lm_geometry.observables.spectrum import scaled_spectrum
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.shapes import Float64

RANKS = (11, 100)  # the first and the last, from 1
FEWEST = 10  # ranks that a slope is fitted to, unless fewer are asked for


def alpha_req(X: PointCloud, ranks: tuple[int, int] = RANKS) -> float:
    """α of λᵢ ∝ i^(−α), of the eigenvalues of the covariance of X `[tokens, width]` by rank i.

    Minus the slope of ln λᵢ on ln i over the `ranks` first … last, least squares with weights 1/i;
    over fewer ranks where there are fewer positive eigenvalues. 0 for a round cloud; the larger,
    the fewer directions hold the variance. Ranks change it: compare at the same ones only.

    Source: Agrawal, Mondal, Ghosh, Richards 2022, NeurIPS, α-ReQ; the fit that its code takes from
    Stringer et al. 2019, Nature 571:361. The paper states no ranks; 11 … 100 leave out the first
    few, which massive tokens and the mean of a corpus rule, and the noise of the last.
    Cost: as `spectrum`.
    Bias: too high for few tokens, which spread eigenvalues. A few tokens of huge norm move the
    first eigenvalues, and the others by a rank each: see `massive_tokens`.
    Raises ValueError as `spectrum` for the cloud, where `ranks` are none, and where fewer than 10
    of them (or than were asked for) have a positive eigenvalue.
    """
    first, last = ranks
    if not 1 <= first < last:
        raise ValueError(f"ranks is {ranks}; it is the first and the last, from 1 on")
    points = as_cloud(X, at_least=2)
    found = positive(scaled_spectrum(points)[0], points.shape)
    fewest = fewest_of(ranks)
    if len(found) < first + fewest - 1:
        raise ValueError(
            f"X has {len(found)} positive eigenvalues; ranks from {first} on need at least "
            f"{first + fewest - 1}"
        )
    return slope_of(found, ranks)


def fewest_of(ranks: tuple[int, int]) -> int:
    """How many ranks a slope needs."""
    return min(FEWEST, ranks[1] - ranks[0] + 1)


def positive(
    values: Float64[np.ndarray, "components"], shape: tuple[int, ...]
) -> Float64[np.ndarray, "positive"]:
    """The eigenvalues, largest first, that rounding alone does not explain; `shape` of the cloud.

    A centred cloud has at most tokens − 1 of them.
    """
    floor = values[0] * max(shape) * np.finfo(float).eps
    return values[: shape[0] - 1][values[: shape[0] - 1] > floor]


def slope_of(values: Float64[np.ndarray, "positive"], ranks: tuple[int, int]) -> float:
    """α of eigenvalues, largest first, over the ranks first … last that they have."""
    rank = np.arange(ranks[0], min(ranks[1], len(values)) + 1)
    return float(-np.polyfit(np.log(rank), np.log(values[rank - 1]), 1, w=rank**-0.5)[0])
