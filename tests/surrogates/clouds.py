"""Small clouds of tokens with identities and documents, uneven as in texts."""

from typing import NamedTuple

import numpy as np


class Texts(NamedTuple):
    """A cloud `[tokens, width]`, and the identity and the document of each token."""

    X: np.ndarray
    tokens: np.ndarray
    documents: np.ndarray


def texts(seed: int = 0, n: int = 80, width: int = 6, identities: int = 25) -> Texts:
    """Identity, document and residual of uneven size; some identities occur once, one is common."""
    rng = np.random.default_rng(seed)
    tokens = (identities * rng.random(n) ** 2).astype(int)
    tokens[:2] = 0
    tokens[2] = identities
    documents = rng.integers(0, 5, n)
    parts = rng.standard_normal((identities + 1, width)), rng.standard_normal((5, width))
    sizes = rng.lognormal(0, 0.7, (n, 1)) * np.geomspace(2, 0.1, width)
    X = 3 + parts[0][tokens] + 0.5 * parts[1][documents] + sizes * rng.standard_normal((n, width))
    return Texts(X, np.array([f"word {one}" for one in tokens]), documents)


def means_of(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each label, in the order of the labels."""
    return np.array([X[labels == one].mean(axis=0) for one in np.unique(labels)])


def residuals_of(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """X minus the mean of each row's label."""
    return X - means_of(X, labels)[np.unique(labels, return_inverse=True)[1]]
