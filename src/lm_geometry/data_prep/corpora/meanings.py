"""What the columns of a table mean, decided for all of its rows and found piece by piece."""

import re
from typing import TYPE_CHECKING

from lm_geometry.data_prep.corpora import texts
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import (
    given_documents,
    identity_column,
    set_aside,
    with_text_and_document,
)
from lm_geometry.data_prep.corpora.dialogue_columns import with_dialogue_columns
from lm_geometry.data_prep.corpora.labels import with_labels
from lm_geometry.data_prep.corpora.part import Part

if TYPE_CHECKING:
    from datasets import Dataset

GIVEN = re.compile(r"input_ids|token_tags|mask_.*")  # columns of given tokens


class _OtherwiseError(Exception):
    """A later piece has shown that a column is not what it was taken for before."""


def with_columns(part: Part, entry: Corpus, before: int) -> Part:
    """The rows of a table with the columns `text` and `document`, and those of tasks and dialogues.

    Rows without a document are counted on from `before`. What tasks learn from, and what dialogues
    have, must be so in every row, else the column is set aside, which is said. Raises ValueError
    where a column is not what the entry says.
    """
    prefix = _prefix(part, entry)
    left: dict[str, str] = {}
    while True:
        try:
            found = _written(part, entry, before, prefix, left)
        except _OtherwiseError:
            continue
        for said in filter(None, left.values()):
            print(said, flush=True)
        return found


def _written(part: Part, entry: Corpus, before: int, prefix: str, left: dict[str, str]) -> Part:
    """The rows where columns that are `left` are set aside; raises _OtherwiseError for more."""

    def meant(rows: "Dataset", first: int) -> "Dataset":
        known = set(left)
        own = with_text_and_document(_of_texts(rows), entry, before + first, prefix)
        own = with_dialogue_columns(with_labels(own, entry, first, left), left)
        if first and set(left) != known:
            raise _OtherwiseError
        return own

    return part.mapped(meant)


def _prefix(part: Part, entry: Corpus) -> str:
    """What stands before the numbers of rows without a document: no given name begins so."""
    name = identity_column(entry)
    if name not in part.column_names:
        return ""
    missing = 0
    for piece in part.only([name]).datasets():
        given = given_documents(piece, entry)
        missing += given[1].null_count if given else 0
    if not missing:
        return ""
    print(
        f"{entry.source}: {missing} of {len(part)} rows have no {name}, and are "
        "each a document of their own",
        flush=True,
    )
    prefix = ""
    while any(_starts(piece, entry, prefix) for piece in part.only([name]).datasets()):
        prefix += "row-"
    return prefix


def _starts(piece: "Dataset", entry: Corpus, prefix: str) -> bool:
    given = given_documents(piece, entry)
    return given is not None and texts.any_starts(given[1], prefix)


def _of_texts(dataset: "Dataset") -> "Dataset":
    """The data set without columns that would mean given tokens to later stages.

    Ids and masks beside a text may be of any tokenizer; the reader `pretokenised` is for them.
    """
    from pyarrow import types

    fields = dataset.features.arrow_schema
    lists = [f.name for f in fields if types.is_list(f.type) or types.is_large_list(f.type)]
    return set_aside(dataset, [name for name in lists if GIVEN.fullmatch(name)])
