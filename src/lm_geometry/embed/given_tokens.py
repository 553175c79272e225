"""Token ids that a corpus brings, for a model whose tokenizer is the one that made them."""

from collections.abc import Sequence

import pandas as pd
from transformers import PreTrainedTokenizerBase

from lm_geometry.embed.params import Embed

COLUMN = "input_ids"


def are_there(corpus: pd.DataFrame) -> bool:
    """Whether a corpus brings the token ids of its sequences."""
    return COLUMN in corpus


def given_ids(
    corpus: pd.DataFrame, tokenizer: PreTrainedTokenizerBase, settings: Embed
) -> list[list[int]]:
    """The ids of each sequence as they are, cut to `max_length`; how many were cut is printed.

    The corpus's `text` is what the tokenizer that made the ids decodes them to. Raises ValueError
    where the model's decodes them to another text, or has them not at all; and for settings that
    need words or a text to tokenise.
    """
    if settings.tag_parts_of_speech:
        raise ValueError("embed.tag_parts_of_speech: true, and the corpus has no words: false")
    if "context" in corpus and not isinstance(corpus["context"].iloc[0], str):
        raise ValueError("data_prep.context: given tokens have all that the model reads: 0")
    ids = [[int(token) for token in own] for own in corpus[COLUMN]]
    refuse_others(ids, corpus["text"].tolist(), tokenizer)
    longer = sum(len(own) > settings.max_length for own in ids)
    print(
        f"given tokens: {longer:,} of {len(ids):,} inputs are cut to {settings.max_length}",
        flush=True,
    )
    return [own[: settings.max_length] for own in ids]


def refuse_others(
    ids: Sequence[Sequence[int]], texts: Sequence[str], tokenizer: PreTrainedTokenizerBase
) -> None:
    """Raises ValueError where the ids of a sequence are not the tokenizer's for its text."""
    known = len(tokenizer)
    for number, (own, text) in enumerate(zip(ids, texts, strict=True)):
        if own and max(own) >= known:
            raise ValueError(
                f"token {max(own)} of sequence {number} is none of the model's {known}: the ids "
                "were made by another model's tokenizer"
            )
        if str(tokenizer.decode(list(own))).strip() != text.strip():
            raise ValueError(
                f"the ids of sequence {number} mean another text to the model's tokenizer than to "
                "the one that made them: it is another model's"
            )
