"""Tokens of prompts: of the stripped text, without special tokens."""

from typing import TYPE_CHECKING

import numpy as np

from lm_geometry.point_cloud.shapes import Int64

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def prompt_tokens(
    text: str, tokenizer: "PreTrainedTokenizerBase", tokens: int
) -> Int64[np.ndarray, "tokens"]:
    """The first `tokens` token numbers of the stripped text, int64 `[tokens]`.

    Raises ValueError for a text that is shorter.
    """
    ids = token_ids([text], tokenizer)[0]
    if len(ids) < tokens:
        raise ValueError(
            f"a text has {len(ids)} tokens and {tokens} are needed: was it chosen under another "
            "tokenizer? data_prep.prompts.tokenizers names those that are compared"
        )
    return np.array(ids[:tokens], dtype=np.int64)


def token_ids(texts: list[str], tokenizer: "PreTrainedTokenizerBase") -> list[list[int]]:
    """The token numbers of each stripped text, whole."""
    stripped = [text.strip() for text in texts]
    # Not verbose: texts longer than the model's longest input are cut to prompts afterwards.
    return tokenizer(stripped, add_special_tokens=False, verbose=False)["input_ids"]
