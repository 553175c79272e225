"""How the tokens of a map are coloured: a scale for numbers, named groups for everything else."""

from typing import NamedTuple, cast

import pandas as pd

from lm_geometry.figures.theme import CORPUS_COLOURS

MOST_GROUPS = 12  # each colour with two shapes
OTHER, NONE = "all others", "no value"  # no token has a space inside
REST = "#aab4be"
MISSING = "#dde3e9"
SHAPES = ["circle", "triangle-up"]
ENDS = (0.01, 0.99)  # quantiles: a few outliers would take the whole scale for themselves


class Group(NamedTuple):
    """A group of tokens in the legend."""

    name: str
    colour: str
    shape: str


def is_quantity(values: pd.Series) -> bool:
    """Whether values are coloured by a scale: numbers, and more of them than groups."""
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return numeric and values.nunique() > MOST_GROUPS


def ends(values: pd.Series) -> list[float]:
    """The two numbers at which a scale of colours ends; missing values do not count."""
    if values.isna().all():
        return [0.0, 1.0]
    low, high = (float(values.quantile(share)) for share in ENDS)
    return [low, high] if low < high else [low - 0.5, low + 0.5]


def group_names(values: pd.Series) -> pd.Series:
    """The group of each value, at most 12 of them: the most frequent ones, then `all others`.

    Missing and empty values are `no value`, which counts as no group.
    """
    text = values.astype("string").fillna("").replace("", NONE).astype(object)
    order = _by_frequency(text)
    kept = order if len(order) <= MOST_GROUPS else order[: MOST_GROUPS - 1]
    return text.where(text.isin([*kept, NONE]), OTHER)


def legend(names: pd.Series) -> list[Group]:
    """The groups that `group_names` gives: the largest first, the two grey ones last."""
    order = _by_frequency(cast("pd.Series", names[names != OTHER]))
    found = []
    for place, name in enumerate(order):
        shape, colour = divmod(place, len(CORPUS_COLOURS))
        found.append(Group(name, CORPUS_COLOURS[colour], SHAPES[shape]))
    grey = {OTHER: REST, NONE: MISSING}
    present = set(names)
    return [*found, *(Group(name, grey[name], SHAPES[0]) for name in grey if name in present)]


def _by_frequency(text: pd.Series) -> list[str]:
    """Names of values, the most frequent first; equally frequent ones by the alphabet."""
    counts = cast("pd.Series", text[text != NONE]).value_counts()
    return sorted(counts.index, key=lambda name: (-counts[name], name))
