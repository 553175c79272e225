"""Surrogates that keep what the tokens are: the mean of each identity, and of each document."""

import numpy as np

from lm_geometry.surrogates.directions import Draw, Rows
from lm_geometry.surrogates.gaussian import normal_rows
from lm_geometry.surrogates.labels import Labels, label_means, order_within, refuse_all_alone


def token_means(X: Rows, tokens: Labels) -> Draw:
    """Draws the mean of each token identity, and around it one Gaussian, `[tokens, width]`.

    Given that its residuals have mean 0 in each identity, and over all identities the products of
    the residuals of X: one token of n has 1 − 1/n of the pooled variance, as residuals have, and
    tokens that occur once stay where they are. Keeps the means of identities and the covariance
    within them exactly (rounding), as `gaussian` does the mean and the covariance. float64.
    Source: the one-way model of the analysis of variance, with normal errors, given its estimates.
    Cost: as `gaussian`.
    Raises ValueError where no identity has two tokens.
    """
    refuse_all_alone(tokens)
    means = label_means(X, tokens)
    around_zero = normal_rows(X - means)

    def draw(rng: np.random.Generator) -> Rows:
        rows = rng.standard_normal(X.shape)
        return means + around_zero(rows - label_means(rows, tokens))

    return draw


def exchanged_residuals(X: Rows, tokens: Labels, documents: Labels) -> Draw:
    """Draws X with what token and document do not explain exchanged among tokens of one identity.

    Row i is the fit of `additive_means` for its token and document, and the residual of a row of
    the same identity, by a permutation that is uniform within each. Keeps exactly (rounding) the
    means of identities and the residuals of each as a multiset; nearly the effects of
    documents, which another fit finds elsewhere since residuals came from others. Destroys what a
    residual has to do with its document and its place. float64.
    A uniform permutation leaves one residual of an identity in place on average, and the only one
    always: the share of rows that are those of X is identities / tokens.
    Source: exchange within blocks, Good 2005, *Permutation, parametric and bootstrap tests*.
    Cost: as `additive_means`.
    Raises ValueError where no identity has two tokens.
    """
    refuse_all_alone(tokens)
    fit = additive_means(X, tokens, documents)
    residuals = X - fit
    return lambda rng: fit + residuals[order_within(tokens, rng)]


def additive_means(X: Rows, tokens: Labels, documents: Labels) -> Rows:
    """The least-squares fit of X by an effect of its token plus one of its document, as X.

    Residuals have mean 0 in each identity and in each document.
    Cost: O(tokens · width + identities · documents² + documents² · width) time,
    O(identities · documents) memory.
    """
    shape = int(tokens.max()) + 1, int(documents.max()) + 1
    pairs = np.ravel_multi_index((tokens, documents), shape)
    counts = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape).astype(float)
    # The effects of tokens taken out of both sides, documents alone remain (Frisch, Waugh 1933).
    normal = np.diag(counts.sum(axis=0)) - counts.T @ (counts / counts.sum(axis=1)[:, None])
    within = X - label_means(X, tokens)
    sums = np.add.reduceat(
        within[np.argsort(documents, kind="stable")],
        np.searchsorted(np.sort(documents), np.arange(shape[1])),
    )
    effects = np.linalg.lstsq(normal, sums, rcond=None)[0][documents]
    return effects + label_means(X - effects, tokens)
