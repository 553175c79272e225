"""Which texts become prompts: those that every compared tokenizer finds long enough, by a draw."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lm_geometry.outs.data_prep.tokens import token_counts


def long_enough(texts: pd.DataFrame, tokenizers: Mapping[str, Any], tokens: int) -> pd.DataFrame:
    """Number of tokens of every text that has at least `tokens` under each of the tokenizers.

    `texts` has the columns prompt and text; the result prompt, tokenizer, tokens, a row for each
    (text, tokenizer). A text that one tokenizer finds too short is not given to the next.
    """
    rows: Any = texts
    counts: dict[str, NDArray[np.int64]] = {}
    for name, tokenizer in tokenizers.items():
        found = token_counts(list(rows["text"]), tokenizer)
        keep = found >= tokens
        counts = {other: kept[keep] for other, kept in counts.items()} | {name: found[keep]}
        rows = rows[keep]
    tables = [
        pd.DataFrame({"prompt": rows["prompt"].to_numpy(), "tokenizer": name, "tokens": found})
        for name, found in counts.items()
    ]
    return pd.concat(tables, ignore_index=True)


def draw(
    candidates: NDArray[np.int64], count: int | Literal["all"], seed: int
) -> NDArray[np.int64]:
    """The drawn prompt numbers in ascending order, int64 `[count]`.

    The draw of the published subset: numpy's legacy generator, `choice` without replacement,
    sorted. A smaller count gives a part of a larger one. Raises ValueError where there are fewer,
    or none.
    """
    if count == "all" and len(candidates):
        return np.sort(candidates)
    if count == "all":
        raise ValueError("data_prep.prompts.count: all, but no text is long enough")
    if count > len(candidates):
        raise ValueError(
            f"data_prep.prompts.count: {count} prompts were asked for, and {len(candidates)} texts "
            "are long enough: fewer prompts, fewer tokens, another corpus, or count: all"
        )
    generator = np.random.RandomState(seed)  # as published
    return np.sort(generator.choice(candidates, count, replace=False))
