"""Columns of the token table that a corpus brings token by token: its masks, and tags of tokens."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lm_geometry.embed import given_tokens
from lm_geometry.embed.word_columns import has_lists
from lm_geometry.models.text_and_context import Span
from lm_geometry.point_cloud.shapes import Int64

MASK = "mask_"
TAGS = "token_tags"  # the token table's `tag`


def token_columns(corpus: pd.DataFrame) -> list[str]:
    """Names of the corpus's columns with lists that are of tokens.

    With given ids these are `token_tags`, and `mask_…` with a truth value for each id. With texts
    they are `mask_…` with spans: first character, the one after the last, and 1 or 0.
    """
    masks = [name for name in map(str, corpus.columns) if name.startswith(MASK)]
    tags = [TAGS] if TAGS in corpus and given_tokens.are_there(corpus) else []
    return [*(name for name in masks if has_lists(corpus, name)), *tags]


def add_token_columns(
    table: pd.DataFrame,
    rows: dict[int, Int64[np.ndarray, "_"]],
    corpus: pd.DataFrame,
    texts: Sequence[str],
    offsets: Sequence[Sequence[Span]],
    names: Sequence[str],
) -> None:
    """Add the columns `names` to a token table; `rows` are those of each sequence's tokens.

    Masks are boolean. `offsets` are the places of tokens in `texts`, which may begin with a space
    that the corpus's texts have not; they are empty where the ids are given.
    """
    positions = table["position"].to_numpy()
    for name in names:
        kind = object if name == TAGS else bool
        found = np.full(len(table), "", object) if name == TAGS else np.zeros(len(table), bool)
        for number, own in rows.items():
            values = corpus[name].iloc[number]
            if offsets:
                shift = len(texts[number]) - len(corpus["text"].iloc[number])
                values = painted(values, offsets[number], shift)
            found[own] = np.array(list(values), dtype=kind)[positions[own]]
        table["tag" if name == TAGS else name] = found


def painted(
    brushes: Sequence[Sequence[int]], offsets: Sequence[Span], shift: int = 0
) -> list[bool]:
    """Whether each token is in a mask: what the last span that touches it says, 1 or 0.

    Spans count characters from a place `shift` behind that of the offsets. Tokens without
    characters, as those that a tokenizer adds, are in none.
    """
    found = [False] * len(offsets)
    for first, end, value in brushes:
        for token, (start, stop) in enumerate(offsets):
            if start < stop and start < end + shift and stop > first + shift:
                found[token] = bool(value)
    return found
