"""A surrogate of a cloud by its name: it keeps one thing and destroys the rest."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours.labels import numbered
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.point_cloud.magnitude import to_one
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.surrogates.components import permuted_components
from lm_geometry.surrogates.directions import Rows
from lm_geometry.surrogates.gaussian import gaussian, gaussian_with_norms
from lm_geometry.surrogates.labels import Labels
from lm_geometry.surrogates.token_means import exchanged_residuals, token_means

Kind = Literal[
    "gaussian", "gaussian_with_norms", "permuted_components", "token_means", "exchanged_residuals"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
NEEDS: dict[str, tuple[str, ...]] = {
    "token_means": ("tokens",),
    "exchanged_residuals": ("tokens", "documents"),
}


def surrogate(
    X: PointCloud,
    kind: Kind,
    seed: int | np.random.Generator,
    tokens: ArrayLike | None = None,
    documents: ArrayLike | None = None,
) -> Float64[np.ndarray, "rows width"]:
    """A cloud that keeps one thing of X `[tokens, width]`, the rest drawn, float64 of its shape.

    Row i stands for token i. X as `local_dimension` takes it; `tokens` and `documents` `[tokens]`
    are labels of any kind that sorts: the entry of the vocabulary of each row, and its document.
    They are checked wherever given, and used by the kinds that need them. By `kind`, what is kept:

    - "gaussian": mean and covariance, in expectation
    - "gaussian_with_norms": the norm of each token, exactly; mean and covariance about
    - "permuted_components": mean and marginals of the principal components, exactly
    - "token_means": the mean of each identity in `tokens`, exactly; the covariance around them in
      expectation
    - "exchanged_residuals": those means, and the residuals of each identity around the effects of
      token and of `documents`, exactly; the effects of documents nearly

    A seed gives the same bits on one machine, a Generator is moved on. One seed draws alike for two
    nearly equal states. Draw several: one is a sample, with a sample's error.

    Source: surrogate data, Theiler et al. 1992, Physica D 58; each kind's stands with it, in
    `surrogates.gaussian`, `.components` and `.token_means`.
    Cost: O(tokens · width · (width + min(tokens, width))) time, some float64 copies of X.
    Bias: a few massive tokens rule a mean and a covariance: leave them out first. In the last two
    kinds tokens that are alone in their identity stay as they are; in the last, identities / tokens
    of the rows are those of X on average, and so it is near to X by that alone.
    Raises ValueError for an unknown kind, for labels that are needed and not there, of another
    length or missing, where each token is alone in its identity, for fewer than 2 tokens, and for
    NaN or infinite values; TypeError for no seed.
    """
    points = as_cloud(X, at_least=2)
    given = {"tokens": tokens, "documents": documents}
    labels = {
        name: numbered(one, name, len(points)) for name, one in given.items() if one is not None
    }
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; there are {', '.join(KINDS)}")
    if lacking := [name for name in NEEDS.get(kind, ()) if name not in labels]:
        raise ValueError(f"kind {kind!r} needs {' and '.join(lacking)}, a label for each row of X")
    if seed is None:
        raise TypeError("seed is None; a surrogate that cannot be drawn again is no result")
    scaled, power = to_one(points)
    with single_threaded_blas():  # its threads add in another order
        drawn = _drawn(scaled, kind, np.random.default_rng(seed), labels)
    return np.ldexp(drawn, -power)


def _drawn(X: Rows, kind: Kind, rng: np.random.Generator, labels: dict[str, Labels]) -> Rows:
    match kind:
        case "gaussian":
            return gaussian(X, rng)
        case "gaussian_with_norms":
            return gaussian_with_norms(X, rng)
        case "permuted_components":
            return permuted_components(X, rng)
        case "token_means":
            return token_means(X, labels["tokens"], rng)
        case "exchanged_residuals":
            return exchanged_residuals(X, labels["tokens"], labels["documents"], rng)
