"""Labels of the tokens of a cloud, numbered; means by label; orders within a label."""

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.surrogates.directions import Rows

Labels = Int64[np.ndarray, "tokens"]


def numbered(labels: ArrayLike, name: str, tokens: int) -> Labels:
    """`labels` `[tokens]`, of any kind that sorts, as 0, 1, 2 …, int64 `[tokens]`.

    Raises ValueError, with the argument's `name`, where they are not as many as `tokens`, and
    where one is missing (NaN, None).
    """
    given = np.asarray(labels)
    if given.shape != (tokens,):
        raise ValueError(f"{name} has shape {given.shape}; a label for each of {tokens} tokens")
    none = given.dtype == object and any(one is None for one in given)
    if none or (given != given).any():  # NaN differs from itself
        raise ValueError(f"{name} has missing labels; each token needs one")
    return np.unique(given, return_inverse=True)[1].reshape(-1).astype(np.int64)


def label_means(X: Rows, labels: Labels) -> Rows:
    """For each row of X `[tokens, width]` the mean of the rows of its label, `[tokens, width]`.

    A row that is alone in its label is that mean, to the bit.
    """
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    starts = np.cumsum(counts) - counts
    return (np.add.reduceat(X[order], starts) / counts[:, None])[labels]


def order_within(labels: Labels, rng: np.random.Generator) -> Labels:
    """A permutation of the tokens `[tokens]`, uniform among those that keep each label."""
    order = np.empty(len(labels), np.int64)
    order[np.argsort(labels, kind="stable")] = np.lexsort((rng.random(len(labels)), labels))
    return order


def refuse_all_alone(labels: Labels) -> None:
    """Raises ValueError where each token is the only one of its identity."""
    if labels.max() + 1 == len(labels):
        raise ValueError("tokens has each label once; a surrogate of token means would be X itself")
