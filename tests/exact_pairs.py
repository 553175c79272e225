"""Neighbours and local TwoNN with some pairs left out, from the table of all distances."""

import numpy as np


def all_distances(X, labels=None):
    """The distances `[tokens, tokens]`, infinite to itself and between tokens of one label."""
    points = np.asarray(X, np.float64)
    squares = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    apart = np.eye(len(points), dtype=bool)
    if labels is not None:
        columns = np.asarray(labels).reshape(len(points), -1)
        apart |= (columns[:, None] == columns[None]).any(axis=-1)
    return np.where(apart, np.inf, np.sqrt(squares))


def twonn_of_pairs(distances, n_neighbors, discard=0.1):
    """TwoNN (i/n) of every neighbourhood `[tokens]`, among the pairs that are finite."""
    found = np.full(len(distances), np.nan)
    for token, row in enumerate(distances):
        near = np.argsort(row, kind="stable")[:n_neighbors]
        if not np.isfinite(row[near]).all():
            continue
        two = np.sort(distances[np.ix_(near, near)], axis=1)[:, :2]
        with np.errstate(all="ignore"):
            ratios = two[:, 1] / two[:, 0]
        ratios = np.sort(ratios[np.isfinite(ratios)])
        kept = int(len(ratios) * (1 - discard))
        if kept < 2 or ratios[kept - 1] <= 1:
            continue
        x = np.log(ratios[:kept])
        y = -np.log(1 - np.arange(1, kept + 1) / len(ratios))
        found[token] = (x * y).sum() / (x * x).sum()
    return found
