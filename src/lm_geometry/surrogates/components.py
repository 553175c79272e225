"""A surrogate that keeps the marginals of the principal components."""

import numpy as np

from lm_geometry.surrogates.directions import Rows, about_mean, directions


def permuted_components(X: Rows, rng: np.random.Generator) -> Rows:
    """X `[tokens, width]` with each principal component permuted over the tokens by itself.

    Keeps the mean, and the values of each component as a multiset, exactly (rounding: 1e-12 of the
    largest); the covariance in expectation, since components of a draw correlate by O(1/√tokens).
    Destroys what joins components in a token. Components of equal variance are any basis of theirs.
    float64. Source: permutation of components as in parallel analysis, Buja, Eyuboglu 1992.
    Cost: O(tokens · width · min(tokens, width)) time.
    """
    mean, centred = about_mean(X)
    places, sizes, axes = directions(centred)
    return mean + rng.permuted(places * sizes, axis=0) @ axes
