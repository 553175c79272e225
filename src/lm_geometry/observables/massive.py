"""Tokens of massive activations: the few whose norm is many times that of the others."""

import numpy as np

from lm_geometry.observables.norms import norms
from lm_geometry.point_cloud.cloud import PointCloud
from lm_geometry.point_cloud.shapes import Bool, Float64, Int64

FACTOR = 3.0  # times the median norm


def massive_tokens(X: PointCloud, factor: float = FACTOR) -> Int64[np.ndarray, "massive"]:
    """The rows of X `[tokens, width]` whose norm exceeds `factor` times the median norm, ascending.

    Source: the rule is ours; that such tokens exist, one or two of a text, at its beginning and at
    delimiters: Sun, Chen, Kolter, Liu 2024, arXiv:2402.17762 (massive activations).
    Cost: O(tokens · width) time, no copy of X but of a block.
    Bias: none; the median is that of the rows given, massive ones among them.
    Raises ValueError for a factor below 1 and for NaN or infinite values.
    """
    return np.flatnonzero(beyond(norms(X), factor))


def beyond(
    lengths: Float64[np.ndarray, "tokens"], factor: float = FACTOR
) -> Bool[np.ndarray, "tokens"]:
    """Whether each of the norms `[tokens]` exceeds `factor` times their median."""
    if not factor >= 1:
        raise ValueError(f"factor is {factor}; a massive token exceeds the median: at least 1")
    if not len(lengths):
        return np.zeros(0, bool)
    return lengths / factor > np.median(lengths)
