"""What the model reads of each sequence: its text, with its context, or the ids that it brings."""

import pandas as pd
from transformers import PreTrainedTokenizerBase

from lm_geometry.embed import given_tokens
from lm_geometry.embed.params import Embed
from lm_geometry.models.text_and_context import Encoded, encode


def inputs_of(
    corpus: pd.DataFrame,
    texts: list[str],
    tokenizer: PreTrainedTokenizerBase,
    settings: Embed,
    context_first: bool,
    places: bool,
) -> Encoded:
    """The inputs of a corpus, cut to `max_length`.

    `texts` are its texts as they are tokenised. `parts` is empty where there are no contexts, and
    `offsets` where `places` are not asked for, or the ids are given.
    """
    if given_tokens.are_there(corpus):
        return Encoded(given_tokens.given_ids(corpus, tokenizer, settings), [], [])
    if "context" in corpus and not isinstance(corpus["context"].iloc[0], str):
        return _with_contexts(corpus, texts, tokenizer, settings, context_first)
    asked = {"max_length": settings.max_length, "return_offsets_mapping": places}
    encoded = tokenizer(texts, truncation=True, **asked)
    return Encoded(encoded["input_ids"], [], encoded["offset_mapping"] if places else [])


def _with_contexts(
    corpus: pd.DataFrame,
    texts: list[str],
    tokenizer: PreTrainedTokenizerBase,
    settings: Embed,
    context_first: bool,
) -> Encoded:
    """The texts with what data-prep found was said before each."""
    space = " " if settings.prefix_space else ""
    contexts = [[f"{space}{said}" for said in own] for own in corpus["context"]]
    found = encode(tokenizer, texts, contexts, settings.max_length, context_first)
    print(found.told(settings.max_length), flush=True)
    return found
