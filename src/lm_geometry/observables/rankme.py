"""RankMe: how many directions a cloud fills, from its singular values."""

import numpy as np

from lm_geometry.observables.spectrum import exp_entropy
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.magnitude import to_one

EPSILON = 1e-7  # as published


def rankme(X: PointCloud, epsilon: float = EPSILON) -> float:
    """exp of the entropy of the singular values σ of X `[tokens, width]`, which is not centred.

    exp(−Σ p ln p) with p = σ / Σσ + epsilon, as published. From 1, where all rows are multiples of
    one, to min(tokens, width). NaN where all are zero. `effective_rank` is another number: of the
    centred cloud and of the squares of singular values.

    Source: Garrido, Balestriero, Najman, LeCun 2023, ICML, arXiv:2210.02885, eq. 1.
    Cost: a singular value decomposition, O(tokens · width · min(tokens, width)) time; a float64
    copy of X.
    Bias: too low for few tokens, and never above their number; `epsilon` adds some 1e-6 of it for
    each coordinate. The mean of the cloud counts as a direction. A few tokens of huge norm lower
    it: see `massive_tokens`.
    Raises ValueError for NaN or infinite values, and for fewer than 2 tokens.
    """
    points, _ = to_one(as_cloud(X, at_least=2))
    return exp_entropy(np.linalg.svd(points, compute_uv=False), epsilon)
