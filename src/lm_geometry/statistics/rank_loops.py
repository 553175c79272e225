"""Compiled loops for rank correlations of one sample under many weights."""

import numpy as np

from lm_geometry.point_cloud.loops import compiled

LANES = 32  # columns of weights that are worked on together, so that ranks stay in the cache


@compiled
def weighted_spearman(x_order, x_ties, y_order, y_ties, cluster, weights):
    """Spearman's correlation `[columns]` when token i counts `weights[cluster[i], column]` times.

    `x_order` `[tokens]` sorts the tokens, `x_ties` `[levels + 1]` bounds the runs of equal values;
    `cluster` is `[tokens]`, `weights` `[clusters, columns]`.
    Ranks are mid-ranks of the weighted sample, so that whole weights give exactly what repeating
    the tokens gives.
    """
    tokens, columns = len(x_order), weights.shape[1]
    found = np.empty(columns)
    ranks = np.empty((tokens, LANES))  # mid-ranks of x
    for start in range(0, columns, LANES):
        wide = min(LANES, columns - start)
        below, level = np.zeros(wide), np.zeros(wide)
        for t in range(len(x_ties) - 1):
            level[:] = 0.0
            for i in range(x_ties[t], x_ties[t + 1]):
                c = cluster[x_order[i]]
                for b in range(wide):
                    level[b] += weights[c, start + b]
            for i in range(x_ties[t], x_ties[t + 1]):
                token = x_order[i]
                for b in range(wide):
                    ranks[token, b] = below[b] + 0.5 * level[b]
            for b in range(wide):
                below[b] += level[b]
        middle = 0.5 * below
        xx, yy, xy = np.zeros(wide), np.zeros(wide), np.zeros(wide)
        below[:] = 0.0
        for t in range(len(y_ties) - 1):
            level[:] = 0.0
            for i in range(y_ties[t], y_ties[t + 1]):
                c = cluster[y_order[i]]
                for b in range(wide):
                    level[b] += weights[c, start + b]
            for i in range(y_ties[t], y_ties[t + 1]):
                token = y_order[i]
                c = cluster[token]
                for b in range(wide):
                    w = weights[c, start + b]
                    dx = ranks[token, b] - middle[b]
                    dy = below[b] + 0.5 * level[b] - middle[b]
                    xx[b] += w * dx * dx
                    yy[b] += w * dy * dy
                    xy[b] += w * dx * dy
            for b in range(wide):
                below[b] += level[b]
        for b in range(wide):
            found[start + b] = xy[b] / np.sqrt(xx[b] * yy[b])
    return found


@compiled
def concordance(x, y, bounds):
    """Concordant minus discordant pairs of tokens by the clusters of both, `[clusters, clusters]`.

    Tokens are sorted by cluster: cluster c has those of `bounds[c]` to `bounds[c + 1]`; x and y
    `[tokens]` are ranks, int32. The inner loop runs over all later tokens, so that it works on
    several at once.
    """
    clusters = len(bounds) - 1
    pairs = np.zeros((clusters, clusters))
    every_sign = np.zeros(len(x), np.int32)
    for a in range(clusters):
        start = bounds[a]
        later_x, later_y, signs = x[start:], y[start:], every_sign[start:]
        signs[:] = 0
        for i in range(start, bounds[a + 1]):
            xi, yi = x[i], y[i]
            for j in range(len(signs)):
                sx = np.int32(xi > later_x[j]) - np.int32(xi < later_x[j])
                sy = np.int32(yi > later_y[j]) - np.int32(yi < later_y[j])
                signs[j] += sx * sy
        for b in range(a, clusters):
            pairs[a, b] = every_sign[bounds[b] : bounds[b + 1]].sum()
            pairs[b, a] = pairs[a, b]
    return pairs
