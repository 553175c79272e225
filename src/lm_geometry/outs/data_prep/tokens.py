"""Tokens of prompts: of the stripped text, without special tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BATCH = 64  # texts given to a tokenizer at once


def token_counts(texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase") -> NDArray[np.int64]:
    """How many tokens each stripped text has under a Hugging Face tokenizer, int64 `[texts]`.

    Special tokens are left out here as they are in prompts. (The published list of long enough
    texts was made with them, so that a text with 1,023 tokens of its own could be on it.)
    """
    counts: list[int] = []
    for start in range(0, len(texts), BATCH):
        batch = [text.strip() for text in texts[start : start + BATCH]]
        counts += map(len, _ids(tokenizer, batch))
    return np.array(counts, dtype=np.int64)


def prompt_tokens(
    text: str, tokenizer: "PreTrainedTokenizerBase", tokens: int
) -> NDArray[np.int64]:
    """The first `tokens` token numbers of the stripped text, int64 `[tokens]`.

    Raises ValueError for a text that is shorter.
    """
    ids = _ids(tokenizer, [text.strip()])[0]
    if len(ids) < tokens:
        raise ValueError(
            f"a text has {len(ids)} tokens and {tokens} are needed: was it chosen under another "
            "tokenizer? data_prep.prompts.tokenizers names those that are compared"
        )
    return np.array(ids[:tokens], dtype=np.int64)


def _ids(tokenizer: "PreTrainedTokenizerBase", texts: list[str]) -> list[list[int]]:
    # Not verbose: texts longer than the model's longest input are cut to prompts afterwards.
    return tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
