"""What tokens have in common: sequence, document, kind of token, so that pairs alike do not count.

Neighbouring tokens of a text are not independent draws. Leaving out neighbours that are near in the
text is Theiler's window (Theiler 1986, Physical Review A 34:2427), here by any label.
"""

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from lm_geometry.point_cloud.shapes import Int32, Int64


def no_labels(tokens: int) -> Int32[np.ndarray, "tokens 0"]:
    """Labels of no kind `[tokens, 0]`, under which all pairs count."""
    return np.empty((tokens, 0), np.int32)


def numbered(labels: ArrayLike, name: str, tokens: int) -> Int64[np.ndarray, "tokens"]:
    """`labels` `[tokens]`, of any kind that sorts, as 0, 1, 2 …, int64 `[tokens]`.

    Raises ValueError, with the argument's `name`, where they are not as many as `tokens`, and
    where one is missing (None, NaN, pandas' NA).
    """
    given = np.asarray(labels)
    if given.shape != (tokens,):
        raise ValueError(f"{name} has shape {given.shape}; a label for each of {tokens} tokens")
    if any(map(_is_missing, given)) if given.dtype == object else (given != given).any():
        raise ValueError(f"{name} has missing labels; each token needs one")
    return np.unique(given, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _is_missing(label: object) -> bool:
    try:
        return label is None or bool(label != label)  # NaN differs from itself
    except TypeError:  # of NA, which does not say whether it does
        return True


def as_labels(exclude: ArrayLike, tokens: int) -> Int32[np.ndarray, "tokens kinds"]:
    """Labels numbered from 0, int32 `[tokens, kinds]`, of `[tokens]` or `[tokens, kinds]` values.

    Values are of any kind that sorts: numbers, names. Raises ValueError where there are not as
    many as `tokens`, and where one is missing.
    """
    given = np.asarray(exclude)
    if given.ndim not in (1, 2) or len(given) != tokens:
        raise ValueError(
            f"exclude has shape {given.shape}; a label for each of {tokens} tokens is needed, "
            "[tokens] or [tokens, kinds]"
        )
    columns = given.reshape(tokens, -1).T
    found = [numbered(column, "exclude", tokens) for column in columns]
    return np.ascontiguousarray(np.array(found, np.int32).reshape(-1, tokens).T)


def others(labels: Int32[np.ndarray, "tokens kinds"]) -> Int64[np.ndarray, "tokens"]:
    """How many tokens have no label in common with each token, int64 `[tokens]`."""
    tokens, kinds = labels.shape
    alike = np.zeros(tokens, np.int64)
    for count in range(1, kinds + 1):  # inclusion and exclusion
        for some in combinations(range(kinds), count):
            found = np.unique(labels[:, some], axis=0, return_inverse=True, return_counts=True)
            alike += (-1) ** (count + 1) * found[2][found[1].reshape(-1)]
    return tokens - (alike if kinds else np.ones(tokens, np.int64))  # never like itself
