"""Token masks: which tokens of a token table a mask of params.yaml keeps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lm_geometry.point_cloud.shapes import Bool
from lm_geometry.token_sample.params import Mask

KEYS = ("sequence", "position", "document", "token_id", "token")  # too many values to list
HOW = {
    "part_of_speech": " (embed.tag_parts_of_speech: true makes it)",
    "token": " (the text may not be passed on)",
    "token_id": " (the text may not be passed on)",
}


def masked(tokens: pd.DataFrame, mask: Mask) -> Bool[np.ndarray, "tokens"]:
    """Whether each token is kept.

    `mask` is `none`, the name of a boolean column, or values by column: a token is kept where
    every column has one of its values. Raises ValueError for a column that the table has not.
    """
    keep = np.ones(len(tokens), dtype=bool)
    if mask == "none":
        return keep
    if isinstance(mask, str):
        flags = [str(column) for column in tokens if tokens[column].dtype == bool]
        if mask not in flags:
            raise ValueError(
                f"token_sample.mask: {mask!r} is not a boolean column of the token table; "
                f"there are {', '.join(flags) or 'none'}. Another column needs values: "
                "{part_of_speech: [NN]}"
            )
        return tokens[mask].to_numpy()
    for column, values in mask.items():
        if column not in tokens:
            raise ValueError(
                f"token_sample.mask: the token table has no column {column!r}"
                f"{HOW.get(column, '')}; it has {', '.join(map(str, tokens.columns))}"
            )
        keep &= tokens[column].isin(values).to_numpy()
    return keep


def refuse_absent_values(tables: Sequence[pd.DataFrame], mask: Mask) -> None:
    """Raises ValueError for a value of the mask that no table has, naming those there are."""
    conditions = {} if isinstance(mask, str) else mask
    for column, values in conditions.items():
        found = {value for table in tables if column in table for value in table[column].unique()}
        absent = [value for value in values if value not in found]
        if absent and any(column in table for table in tables):
            there = sorted(map(str, found - {""}))
            listed = ", ".join(there) if column not in KEYS else f"{len(there):,} others"
            raise ValueError(
                f"token_sample.mask: no token has {column} = {absent[0]!r}; there are {listed}"
            )
