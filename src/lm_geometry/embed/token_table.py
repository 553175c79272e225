"""Token ids of a corpus split, and the table of the tokens whose hidden states are kept."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from lm_geometry.embed.inputs import inputs_of
from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_columns import add_token_columns, token_columns
from lm_geometry.embed.word_columns import add_word_columns, word_columns
from lm_geometry.embed.written import written
from lm_geometry.outs.data_prep.corpora import NAME_CHARACTERS, shareable
from lm_geometry.point_cloud.shapes import Int64

SPECIAL = ("bos", "eos", "pad", "cls", "sep", "mask", "unk")
SPELLING = ("token_id", "token")  # columns that spell the text out


@dataclass(frozen=True)
class TokenisedCorpus:
    """Token ids of every sequence, and the table of the tokens that are kept."""

    sequences: list[list[int]]
    kept: pd.DataFrame

    @cached_property
    def rows(self) -> dict[int, Int64[np.ndarray, "_"]]:
        """Row numbers of the kept tokens of each sequence that has any."""
        return {int(str(key)): rows for key, rows in self.kept.groupby("sequence").indices.items()}


def tokenise(
    corpus: pd.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    settings: Embed,
    generator: np.random.Generator,
    context_first: bool = False,
) -> TokenisedCorpus:
    """Token ids of the texts, cut to `max_length`, and the `keep_tokens` rows drawn from them.

    `corpus` has the columns `text` and `document`; with a column `input_ids` these are taken as
    they are; with a column `context` (`data_prep.context`) an input is a text and what was said
    before it, which stands first where `context_first`, and the table's column `part` says `text`
    or `context`. The table has a row per kept token, in the
    order of the text: `sequence`, `position`, `document`, `token_id`, `token`, `special` (what
    the token is to the tokenizer: `bos,eos`, or nothing); the corpus's boolean columns, its
    `label` and those of `embed.columns`, each the value of the token's sequence; `tag`, where the
    corpus has `words` and their BIO `tags`; and `part_of_speech`, where that is asked for. The
    last two are empty for tokens that belong to no word. Masks and tags of tokens that the corpus
    brings are columns as well (`token_columns`).

    Raises ValueError where no text has a token, or a column is not what it must be.
    """
    texts = corpus["text"].tolist()
    if settings.prefix_space:  # not the tokenizer's own setting, which few classes heed
        texts = [f" {text}" if text and not text.startswith(" ") else text for text in texts]
    by_word = word_columns(corpus, settings)
    by_token = token_columns(corpus)
    if (by_word or by_token) and not tokenizer.is_fast:
        raise ValueError(
            "embed.tag_parts_of_speech, and corpora of tagged words or of masks, need a fast "
            "tokenizer, which knows where a token is in its text; "
            f"{type(tokenizer).__name__} is none"
        )
    places = bool(by_word or by_token)
    inputs = inputs_of(corpus, texts, tokenizer, settings, context_first, places)
    ids, parts = inputs.input_ids, inputs.parts
    rows, sequence, position = _drawn(ids, settings, generator)
    table = _spelled(ids, rows, tokenizer)
    table.insert(0, "sequence", sequence)
    table.insert(1, "position", position)
    table.insert(2, "document", corpus["document"].to_numpy(dtype=object)[sequence])
    if parts:
        table["part"] = np.array([part for own in parts for part in own], dtype=object)[rows]
    for name in _sequence_columns(corpus, settings, list(table)):
        table[name] = corpus[name].to_numpy()[sequence]
    kept = TokenisedCorpus(ids, table)
    if by_word:
        add_word_columns(table, kept.rows, corpus, texts, inputs.offsets, by_word)
    add_token_columns(table, kept.rows, corpus, texts, inputs.offsets, by_token)
    return kept


def _drawn(
    ids: list[list[int]], settings: Embed, generator: np.random.Generator
) -> tuple[Int64[np.ndarray, "kept"], Int64[np.ndarray, "kept"], Int64[np.ndarray, "kept"]]:
    """The kept tokens: number in the corpus, sequence, and position in the sequence."""
    lengths = np.array([len(sequence) for sequence in ids])
    total = int(lengths.sum())
    if not total:
        raise ValueError("there is no token in any of the corpus's sequences")
    rows = np.arange(total)
    if settings.keep_tokens != "all" and settings.keep_tokens < total:
        rows = np.sort(generator.choice(total, settings.keep_tokens, replace=False))
    sequence = np.repeat(np.arange(len(ids)), lengths)[rows]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return rows, sequence, rows - starts[sequence]


def _spelled(
    ids: list[list[int]], rows: Int64[np.ndarray, "kept"], tokenizer: PreTrainedTokenizerBase
) -> pd.DataFrame:
    """Columns `token_id`, `token` and `special` of the kept tokens."""
    kept = np.concatenate([np.asarray(one, dtype=np.int64) for one in ids if one])[rows]
    named, special = written(kept.tolist(), tokenizer), _special_names(tokenizer)
    table = pd.DataFrame({"token_id": kept, "token": [named[one] for one in kept.tolist()]})
    table["special"] = [special.get(token_id, "") for token_id in kept.tolist()]
    return table


def _special_names(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    names: dict[int, list[str]] = {}
    for name in SPECIAL:
        token_id = getattr(tokenizer, f"{name}_token_id", None)
        if token_id is not None:
            names.setdefault(token_id, []).append(name)
    return {token_id: ",".join(found) for token_id, found in names.items()}


def _sequence_columns(corpus: pd.DataFrame, settings: Embed, taken: list[str]) -> list[str]:
    """The corpus's columns that every token of a sequence gets, in alphabetical order."""
    for name in settings.columns:
        if name not in corpus or name in [*taken, "text"] or not _is_scalar(corpus, name):
            usable = [str(c) for c in corpus.columns.difference([*taken, "text"])]
            usable = [column for column in usable if _is_scalar(corpus, column)]
            raise ValueError(
                f"embed.columns: {name!r} is no column of strings, whole numbers or booleans "
                f"of the corpus; there are {', '.join(usable) or 'none'}"
            )
    found = {str(c) for c in corpus.columns.difference(taken) if corpus[c].dtype == bool}
    if "label" in corpus and _is_scalar(corpus, "label"):
        found.add("label")
    return sorted(found | set(settings.columns))


def _is_scalar(corpus: pd.DataFrame, name: str) -> bool:
    column = corpus[name]
    if column.dtype == bool or pd.api.types.is_integer_dtype(column):
        return True
    return all(isinstance(value, str) for value in column.dropna())


def shareable_table(kept: pd.DataFrame) -> pd.DataFrame:
    """The table of the kept tokens of a private corpus without what spells its text out."""
    names = kept["document"].map(lambda name: shareable(str(name)))
    return kept.drop(columns=[*SPELLING]).assign(document=names)


def refuse_texts(table: pd.DataFrame, columns: list[str]) -> None:
    """Raises ValueError where a column of strings may spell out text that must not be passed on."""
    for name in columns:
        if name in table and table[name].map(str).str.len().max() > NAME_CHARACTERS:
            raise ValueError(
                f"embed.columns: {name!r} has values of more than {NAME_CHARACTERS} characters, "
                "and the corpus must not be passed on: name columns of labels only"
            )
