"""A surrogate that keeps the marginals of the principal components."""

from lm_geometry.surrogates.directions import Draw, Rows, about_mean, directions


def permuted_components(X: Rows) -> Draw:
    """Draws X `[tokens, width]` with each principal component permuted over the tokens by itself.

    Keeps the mean, and the values of each component as a multiset, exactly (rounding: 1e-12 of the
    largest); the covariance in expectation, since components of a draw correlate by O(1/√tokens).
    Destroys what joins components in a token. Components of equal variance are any basis of theirs.
    float64. Source: permutation of components as in parallel analysis, Buja, Eyuboglu 1992.
    Cost: O(tokens · width · min(tokens, width)) time, of the fit and of each draw.
    """
    mean, centred = about_mean(X)
    places, sizes, axes = directions(centred)
    sized = places * sizes
    return lambda rng: mean + rng.permuted(sized, axis=0) @ axes
