"""Which texts become prompts: those that every compared tokenizer finds long enough, by a draw."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from lm_geometry.outs.data_prep.tokens import token_ids
from lm_geometry.point_cloud.shapes import Int64

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BATCH = 64  # texts given to a tokenizer at once


def long_enough(texts: pd.DataFrame, tokenizers: Mapping[str, Any], tokens: int) -> pd.DataFrame:
    """Number of tokens of every text that has at least `tokens` under each of the tokenizers.

    `texts` has the columns prompt and text; the result prompt, tokenizer, tokens, a row for each
    (text, tokenizer). A text that one tokenizer finds too short is not given to the next.
    """
    rows: Any = texts
    counts: dict[str, np.ndarray] = {}
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


def token_counts(
    texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase"
) -> Int64[np.ndarray, "texts"]:
    """How many tokens each stripped text has under a Hugging Face tokenizer, int64 `[texts]`.

    Special tokens are left out here as they are in prompts. (The published list of long enough
    texts was made with them, so that a text with 1,023 tokens of its own could be on it.)
    """
    counts: list[int] = []
    for start in range(0, len(texts), BATCH):
        counts += map(len, token_ids(list(texts[start : start + BATCH]), tokenizer))
    return np.array(counts, dtype=np.int64)


def draw(
    candidates: Int64[np.ndarray, "candidates"], count: int | Literal["all"], seed: int
) -> Int64[np.ndarray, "prompts"]:
    """The drawn prompt numbers in ascending order, int64 `[prompts]`.

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
