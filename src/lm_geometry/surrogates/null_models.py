"""A surrogate of a cloud by its name: it keeps one thing and destroys the rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.neighbours.labels import numbered
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.point_cloud.magnitude import to_one
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.surrogates.components import permuted_components
from lm_geometry.surrogates.directions import Draw, Rows
from lm_geometry.surrogates.gaussian import gaussian
from lm_geometry.surrogates.given_norms import gaussian_with_norms
from lm_geometry.surrogates.kinds import KINDS, NEEDS, Kind
from lm_geometry.surrogates.labels import Labels
from lm_geometry.surrogates.token_means import exchanged_residuals, token_means


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

    - "gaussian": mean and covariance, exactly
    - "gaussian_with_norms": the norm of each token, mean and covariance, exactly where rows have
      room to turn: not where tokens are so few, or so alike, that norms determine them
    - "permuted_components": mean and marginals of the principal components, exactly
    - "token_means": the mean of each identity in `tokens`, and the covariance around them, exactly
    - "exchanged_residuals": those means, and the residuals of each identity around the effects of
      token and of `documents`, exactly; the effects of documents nearly

    A seed gives the same bits on one machine, a Generator is moved on. One seed draws alike for two
    nearly equal states. Draw several, of one `null_model`: one is a sample, with a sample's error.

    Source: surrogate data, Theiler et al. 1992, Physica D 58, as constrained realisations, Theiler,
    Prichard 1996, Physica D 94; each kind's stands with it, in `surrogates.gaussian`,
    `.given_norms`, `.components` and `.token_means`.
    Cost: O(tokens · width · (width + min(tokens, width))) time, some float64 copies of X.
    Bias: a few massive tokens rule a mean and a covariance: leave them out first. In the last two
    kinds tokens that are alone in their identity stay as they are; in the last, identities / tokens
    of the rows are those of X on average, and so it is near to X by that alone.
    Raises ValueError for an unknown kind, for labels that are needed and not there, of another
    length or missing, where each token is alone in its identity, for fewer than 2 tokens, and for
    NaN or infinite values; TypeError for no seed.
    """
    return null_model(X, kind, tokens, documents).surrogate(seed)


@dataclass(frozen=True)
class NullModel:
    """A null model fitted to a cloud, of which surrogates are drawn; made by `null_model`."""

    draw: Draw
    power: int  # of 2, by which the cloud was multiplied

    def surrogate(self, seed: int | np.random.Generator) -> Float64[np.ndarray, "rows width"]:
        """What `surrogate` gives of this cloud, kind and seed; TypeError for no seed."""
        if seed is None:
            raise TypeError("seed is None; a surrogate that cannot be drawn again is no result")
        with single_threaded_blas():  # its threads add in another order
            return np.ldexp(self.draw(np.random.default_rng(seed)), -self.power)


def null_model(
    X: PointCloud,
    kind: Kind,
    tokens: ArrayLike | None = None,
    documents: ArrayLike | None = None,
) -> NullModel:
    """The null model of that kind, fitted once for many draws; arguments as `surrogate` has them.

    Cost: the fit has O(tokens · width · min(tokens, width)) time, most of what one surrogate has.
    Raises ValueError as `surrogate`.
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
    scaled, power = to_one(points)
    with single_threaded_blas():
        return NullModel(_fitted(scaled, kind, labels), power)


def _fitted(X: Rows, kind: Kind, labels: dict[str, Labels]) -> Draw:
    match kind:
        case "gaussian":
            return gaussian(X)
        case "gaussian_with_norms":
            return gaussian_with_norms(X)
        case "permuted_components":
            return permuted_components(X)
        case "token_means":
            return token_means(X, labels["tokens"])
        case "exchanged_residuals":
            return exchanged_residuals(X, labels["tokens"], labels["documents"])
