"""What `observables` reads of singular values and eigenvalues of the probe states, as signals."""

from functools import partial

import numpy as np

from lm_geometry.observables.alpha_req import alpha_req
from lm_geometry.observables.cosine import mean_cosine
from lm_geometry.observables.rankme import rankme
from lm_geometry.observables.spectrum import effective_rank, participation_ratio
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.signals.declaration import Signal


def rankme_of(states: PointCloud) -> float:
    """`rankme(states)`: exp of the entropy of singular values, not centred; no labels; 1 and more.

    Source: Garrido et al. 2023, arXiv:2210.02885. Cost: O(tokens · width · min of both).
    Raises ValueError as `rankme`.
    """
    return rankme(states)


def effective_rank_of(states: PointCloud) -> float:
    """`effective_rank(states)`: exp of the entropy of eigenvalues, centred; no labels; 1 and more.

    Source: Roy, Vetterli 2007. Cost: as `spectrum`. Raises ValueError as `effective_rank`.
    """
    return effective_rank(states)


def alpha_req_of(states: PointCloud) -> float:
    """`alpha_req(states)`: −slope of ln λ on ln rank over ranks 11 … 100; no labels; 0 and more.

    Source: Agrawal et al. 2022, NeurIPS. Cost: as `spectrum`. Raises ValueError as `alpha_req`.
    """
    return alpha_req(states)


def participation_ratio_of(states: PointCloud, corrected: bool = False) -> float:
    """`participation_ratio(states, corrected)`: (Σλ)² / Σλ²; no labels; 1 and more if plain.

    Source: Gao et al. 2017; Chun et al. 2025, arXiv:2509.26560. Cost: as `spectrum`.
    Raises ValueError as `participation_ratio`.
    """
    return participation_ratio(states, corrected)


def mean_cosine_of(states: PointCloud) -> float:
    """`mean_cosine(states, diagonal=True)`, of all pairs; no labels; 0 … 1.

    Source: Ethayarajh 2019, EMNLP. Cost: O(tokens · width). Raises ValueError as `mean_cosine`.
    """
    return min(mean_cosine(states, diagonal=True), 1.0)  # parallel rows may round above


STATES = ("states",)
DIRECTIONS = (1 - 1e-9, np.inf)  # one at least, but for rounding
RANKME = Signal(
    "rankme", rankme_of, "none", "arXiv:2210.02885", "O(N w m), m = min(N, w)", STATES,
    range=DIRECTIONS,
)  # fmt: skip
EFFECTIVE_RANK = Signal(
    "effective_rank", effective_rank_of, "none", "Roy, Vetterli 2007", "O(N w m + m³)", STATES,
    range=DIRECTIONS,
)  # fmt: skip
ALPHA_REQ = Signal(
    "alpha_req", alpha_req_of, "none", "Agrawal et al. 2022", "O(N w m + m³)", STATES,
    range=(-1e-9, np.inf),
)  # fmt: skip
PARTICIPATION_RATIO = Signal(
    "participation_ratio", participation_ratio_of, "none", "doi:10.1101/214262", "O(N w m + m³)",
    STATES, range=DIRECTIONS,
)  # fmt: skip
CORRECTED = Signal(
    "participation_ratio_corrected", partial(participation_ratio_of, corrected=True), "none",
    "arXiv:2509.26560", "O(N w m)", STATES,
)  # fmt: skip
MEAN_COSINE = Signal(
    "mean_cosine", mean_cosine_of, "none", "Ethayarajh 2019", "O(N w)", STATES, range=(0.0, 1.0)
)
