"""Means by label of the tokens of a cloud; orders within a label."""

import numpy as np

from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.surrogates.directions import Rows

Labels = Int64[np.ndarray, "tokens"]


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
