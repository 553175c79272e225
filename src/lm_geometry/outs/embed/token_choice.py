"""Which tokens of a token table may be drawn: special ones dropped, then a mask."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lm_geometry.outs.embed.token_mask import Mask
from lm_geometry.point_cloud.shapes import Bool, Int64

KEYS = ("sequence", "position", "document", "token_id", "token")  # too many values to list
HOW = {
    "part_of_speech": " (embed.tag_parts_of_speech: true makes it)",
    "token": " (the text may not be passed on)",
    "token_id": " (the text may not be passed on)",
}


def chosen_rows(
    tokens: pd.DataFrame, drop: Sequence[str], mask: Mask, section: str
) -> Int64[np.ndarray, "rows"]:
    """Rows of the token table that are left: special tokens dropped, then the mask.

    The table's column `special` names what a token is to its tokenizer, such as `bos,eos`; `first`
    drops position 0 of each sequence. Raises ValueError, in the name of the `section`, where the
    mask is not of the table's columns, or nothing is left.
    """
    dropped = set(drop)
    names = {text: set(text.split(",")) for text in tokens["special"].unique()}
    keep = ~tokens["special"].map(lambda text: bool(names[text] & dropped)).to_numpy(dtype=bool)
    if "first" in dropped:
        keep &= tokens["position"].to_numpy() > 0
    keep &= masked(tokens, mask, section)
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise ValueError(f"{section}.drop and {section}.mask leave no token at all")
    return rows


def masked(
    tokens: pd.DataFrame, mask: Mask, section: str = "token_sample"
) -> Bool[np.ndarray, "tokens"]:
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
                f"{section}.mask: {mask!r} is not a boolean column of the token table; "
                f"there are {', '.join(flags) or 'none'}. Another column needs values: "
                "{part_of_speech: [NN]}"
            )
        return tokens[mask].to_numpy()
    for column, values in mask.items():
        if column not in tokens:
            raise ValueError(
                f"{section}.mask: the token table has no column {column!r}"
                f"{HOW.get(column, '')}; it has {', '.join(map(str, tokens.columns))}"
            )
        keep &= tokens[column].isin(values).to_numpy()
    return keep


def refuse_absent_values(
    tables: Sequence[pd.DataFrame], mask: Mask, section: str = "token_sample"
) -> None:
    """Raises ValueError for a value of the mask that no table has, naming those there are."""
    conditions = {} if isinstance(mask, str) else mask
    for column, values in conditions.items():
        found = {value for table in tables if column in table for value in table[column].unique()}
        absent = [value for value in values if value not in found]
        if absent and any(column in table for table in tables):
            there = sorted(map(str, found - {""}))
            listed = ", ".join(there) if column not in KEYS else f"{len(there):,} others"
            raise ValueError(
                f"{section}.mask: no token has {column} = {absent[0]!r}; there are {listed}"
            )
