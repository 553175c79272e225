"""Columns of the token table that belong to words: BIO tags and parts of speech."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lm_geometry.embed import part_of_speech
from lm_geometry.embed.params import Embed
from lm_geometry.embed.words import Span, joined_spans, token_bio_tags, token_tags, word_numbers
from lm_geometry.point_cloud.shapes import Int64

NAMES = ("tag", "part_of_speech")


def word_columns(corpus: pd.DataFrame, settings: Embed) -> list[str]:
    """Names of the word columns that a corpus's token table has.

    `tag` is there where the corpus has lists of `words` and of BIO `tags`, and `part_of_speech`
    where `embed.tag_parts_of_speech` asks for it.
    """
    wanted = (has_lists(corpus, "words", "tags"), settings.tag_parts_of_speech)
    return [name for name, there in zip(NAMES, wanted, strict=True) if there]


def add_word_columns(
    table: pd.DataFrame,
    rows: dict[int, Int64[np.ndarray, "_"]],
    corpus: pd.DataFrame,
    texts: Sequence[str],
    offsets: Sequence[Sequence[Span]],
    names: Sequence[str],
) -> None:
    """Add the columns `names` to a token table; `rows` are those of each sequence's tokens.

    `texts` and the tokenizer's `offsets` are those of the sequences. Raises ValueError where the
    words of a sequence do not make its text, or are not as many as their tags.
    """
    found = {name: np.full(len(table), "", dtype=object) for name in names}
    positions = table["position"].to_numpy()
    for number, own in rows.items():
        sequence = corpus.iloc[number]
        try:
            values = _sequence_values(sequence, texts[number], offsets[number], names)
        except ValueError as error:
            raise ValueError(f"sequence {number} of the corpus: {error}") from None
        for name, column in values.items():
            found[name][own] = np.array(column, dtype=object)[positions[own]]
    for name, column in found.items():
        table[name] = column


def _sequence_values(
    sequence: pd.Series, text: str, offsets: Sequence[Span], names: Sequence[str]
) -> dict[str, list[str]]:
    """The values `[tokens]` of each column in one sequence."""
    given = "words" in sequence and isinstance(sequence["words"], list | np.ndarray)
    words = [str(word) for word in sequence["words"]] if given else []
    spans = joined_spans(words, text) if given else []
    values = {}
    if "tag" in names:
        tags = [str(tag) for tag in sequence["tags"]]
        if len(tags) != len(words):
            raise ValueError(f"{len(words)} words have {len(tags)} tags")
        values["tag"] = token_bio_tags(word_numbers(offsets, spans, text), tags)
    if "part_of_speech" in names:
        if given:
            tags = part_of_speech.word_tags(words)
        else:
            spans, tags = part_of_speech.tagged_words(text)
        values["part_of_speech"] = token_tags(word_numbers(offsets, spans, text), tags)
    return values


def has_lists(corpus: pd.DataFrame, *names: str) -> bool:
    """Whether all of these are columns of the corpus, with a list in each row."""
    return all(
        name in corpus and all(isinstance(v, list | np.ndarray) for v in corpus[name])
        for name in names
    )
