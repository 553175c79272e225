"""What tokens have in common: sequence, document, kind of token, so that pairs alike do not count.

Neighbouring tokens of a text are not independent draws. Leaving out neighbours that are near in the
text is Theiler's window (Theiler 1986, Physical Review A 34:2427), here by any label.
"""

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.point_cloud.shapes import Int32


def no_labels(tokens: int) -> Int32[np.ndarray, "tokens 0"]:
    """Labels of no kind `[tokens, 0]`, under which all pairs count."""
    return np.empty((tokens, 0), np.int32)


def as_labels(exclude: ArrayLike, tokens: int) -> Int32[np.ndarray, "tokens kinds"]:
    """Labels numbered from 0, int32 `[tokens, kinds]`, of `[tokens]` or `[tokens, kinds]` values.

    Values are of any kind that sorts: numbers, names. Raises ValueError where there are not as
    many as `tokens`.
    """
    given = np.asarray(exclude)
    if given.ndim not in (1, 2) or len(given) != tokens:
        raise ValueError(
            f"exclude has shape {given.shape}; a label for each of {tokens} tokens is needed, "
            "[tokens] or [tokens, kinds]"
        )
    columns = given.reshape(tokens, -1).T
    numbered = [np.unique(column, return_inverse=True)[1].reshape(-1) for column in columns]
    return np.ascontiguousarray(np.array(numbered, np.int32).reshape(-1, tokens).T)


def most_alike(labels: Int32[np.ndarray, "tokens kinds"]) -> int:
    """At most so many tokens, itself counted, does a token have a label in common with."""
    return sum(int(np.bincount(column).max(initial=0)) for column in labels.T)
