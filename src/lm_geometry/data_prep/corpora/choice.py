"""Which of a split's sequences are studied: those kept of it, and the M that are drawn."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from lm_geometry.data_prep.corpora.columns import distinct
from lm_geometry.data_prep.corpora.contexts import in_order
from lm_geometry.data_prep.corpora.documents import document_numbers
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.params import DataPrep, Speaker
from lm_geometry.point_cloud.shapes import Bool, Int64, Integer
from lm_geometry.workspace.seeds import stream

if TYPE_CHECKING:
    import pyarrow as pa


def keep(part: Part, parts: Mapping[str, Part], name: str, asked: str | Speaker) -> Part:
    """The rows that `data_prep.keep` asks for, of a split of the corpus that `parts` make up.

    Raises ValueError where the corpus has no labels or speakers, or not the one asked for.
    """
    if asked == "all":
        return part
    wanted = "label" if isinstance(asked, str) else "speaker"
    having = [own for own in parts.values() if wanted in own.column_names]
    there = set[str]().union(*(distinct(own, wanted) for own in having))
    if not there:
        raise ValueError(
            f"data_prep.keep: {_told(asked)}: corpus {name} has no column {wanted}: all"
        )
    if isinstance(asked, Speaker) and asked.speaker not in there:
        raise ValueError(
            f"data_prep.keep: {_told(asked)}: nobody in corpus {name} is called so, only "
            f"{', '.join(sorted(there)[:20])}"
        )
    if wanted not in part.column_names:
        return part.select(np.empty(0, np.int64))
    value = None if isinstance(asked, str) else asked.speaker
    are = part.values(("is", wanted, value), wanted, partial(_are, value))
    return part.select(np.flatnonzero(are))


def _are(value: str | None, own: "pa.ChunkedArray") -> Bool[np.ndarray, "rows"]:
    """Whether each is the value, or any that is not empty where it is None."""
    listed = own.to_pylist()
    return np.array([bool(one) if value is None else one == value for one in listed], bool)


def choose(part: Part, name: str, sequences: int | Literal["all"], section: DataPrep) -> Part:
    """At most `sequences` of the rows, as `data_prep.choose` says.

    The rows of a smaller number are among those of a larger one, and stand first. Raises ValueError
    where the first of `whole_documents` is longer than that.
    """
    number = len(part) if sequences == "all" else min(sequences, len(part))
    if section.choose == "random":  # as `datasets` shuffles
        rows = np.random.default_rng(section.seed).permutation(len(part))
    elif section.choose == "by_document":
        rows = by_document(*document_numbers(part), section.seed)
    elif section.choose == "whole_documents":
        place = _places(*document_numbers(part), section.seed)
        sizes = np.bincount(place)
        number = int(np.cumsum(sizes)[np.cumsum(sizes) <= number].max(initial=0))
        if not number:
            raise ValueError(
                f"data_prep.choose: whole_documents: the first document of corpus {name} has "
                f"{sizes[0]} sequences, more than the {sequences} that are asked for"
            )
        rows = in_order(part, place, name)
    else:
        rows = np.arange(number)
    return part.select(rows[:number])


def by_document(
    document: Integer[np.ndarray, "rows"], number: int, seed: int
) -> Int64[np.ndarray, "rows"]:
    """Row numbers: one of each document, then a second of each, …, both in seeded order.

    `document` holds the document of each row, `[rows]` whole numbers, out of `number`.
    """
    turn = _places(document, number, seed)
    shuffled = _small(stream(seed, "sequences").permutation(len(document)))
    rows = shuffled[np.argsort(turn[shuffled], kind="stable")]
    turn = turn[rows]
    round_of_row = _small(np.arange(len(rows)) - np.searchsorted(turn, turn))
    return rows[np.lexsort((turn, round_of_row))].astype(np.int64)


def _places(document: np.ndarray, number: int, seed: int) -> Integer[np.ndarray, "rows"]:
    """The place of each row's document in seeded order."""
    return _small(stream(seed, "documents").permutation(number))[document]


def _small(numbers: Int64[np.ndarray, "rows"]) -> Integer[np.ndarray, "rows"]:
    """Numbers below that of rows in half the room, which of ten million rows is 40 MB."""
    return numbers.astype(np.int32) if len(numbers) < 2**31 else numbers


def _told(asked: str | Speaker) -> str:
    return asked if isinstance(asked, str) else f"{{speaker: {asked.speaker}}}"
