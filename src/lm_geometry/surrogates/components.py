"""A surrogate that keeps the marginals of the principal components."""

import numpy as np

from lm_geometry.surrogates.directions import (
    Draw,
    Rows,
    about_mean,
    directions,
    nearest_orthonormal,
)

ROUNDS = 3  # of putting values back; more of them move marginals by less than draws differ


def permuted_components(X: Rows) -> Draw:
    """Draws X `[tokens, width]` with each principal component permuted over the tokens by itself.

    Permuted components correlate by O(1/√tokens), and the principal directions of such a cloud are
    others. So they are made uncorrelated again by the least change, and their values put back in
    the order that they then have, a few times by turns, the former last. Keeps mean and covariance
    exactly (rounding), and so the components themselves; the values of each nearly, the better the
    more tokens there are to a component, and with fewer tokens than coordinates hardly.
    Destroys what joins components in a token. Components of equal variance are any basis of theirs.
    float64. Source: permutation of components as in parallel analysis, Buja, Eyuboglu 1992; by
    turns, as for spectra and values of a series, Schreiber, Schmitz 1996, PRL 77:635.
    Cost: O(tokens · width · min(tokens, width)) time, of the fit once and of each draw four times.
    """
    mean, centred = about_mean(X)
    places, sizes, axes = directions(centred)
    values = np.sort(places, axis=0)

    def draw(rng: np.random.Generator) -> Rows:
        drawn = nearest_orthonormal(rng.permuted(places, axis=0))
        for _ in range(ROUNDS):
            ranks = drawn.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
            drawn = nearest_orthonormal(np.take_along_axis(values, ranks, axis=0))
        return mean + (drawn * sizes) @ axes

    return draw
