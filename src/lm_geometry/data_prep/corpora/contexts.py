"""The column `context`: what was said in a document before each of its utterances."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from lm_geometry.data_prep.corpora.columns import (
    added,
    column,
    document_numbers,
    set_aside,
)
from lm_geometry.data_prep.corpora.dialogue_columns import has_turns
from lm_geometry.point_cloud.shapes import Int64

if TYPE_CHECKING:
    from datasets import Dataset


def with_contexts(dataset: "Dataset", name: str, number: int, strip: bool) -> "Dataset":
    """The rows of the corpus `name` with the column `context`, a list of strings each.

    They are the `number` utterances of the same document before the row's own, newest first, each
    as "speaker: utterance" where the corpus has a column `speaker` and the row names one, else the
    utterance alone. An utterance without text is none. Where a document holds several dialogues
    (column `dialogue`), they are of the same dialogue. `strip` removes the white space at both ends
    of each utterance. A source's own column of that name becomes `source_context`.
    Raises ValueError where documents, dialogues or their turns are not told, or two rows are the
    same turn.
    """
    import pyarrow

    if not has_turns(dataset):
        raise ValueError(
            f"data_prep.context: {number}: corpus {name} has no column turn (whole numbers) that "
            "orders the utterances of a document: 0"
        )
    dialogue = _dialogues(dataset, name)
    turn = column(dataset, "turn").to_numpy()
    order = np.lexsort((turn, dialogue))
    _refuse_repeats(dialogue[order], turn[order], name, number)
    said = _said(dataset, strip)
    contexts: list[list[str]] = [[] for _ in said]
    earlier: deque[str] = deque(maxlen=number)
    before = None
    for row in order.tolist():
        if dialogue[row] != before:
            earlier.clear()
            before = dialogue[row]
        contexts[row] = list(earlier)
        if said[row]:
            earlier.appendleft(said[row])
    strings = pyarrow.list_(pyarrow.string())
    return added(set_aside(dataset, ["context"]), {"context": pyarrow.array(contexts, strings)})


def refuse_empty(parts: "Iterable[Dataset]", name: str, number: int) -> None:
    """Raise ValueError where no row of the corpus `name`, in any of its parts, has a context."""
    if any(len(own.flatten()) for part in parts for own in column(part, "context").chunks):
        return
    raise ValueError(
        f"data_prep.context: {number}: every context of corpus {name} is empty, as no row has an "
        "utterance before it in its document (or dialogue); the column document, or the one that "
        "document_column of its catalogue entry names, must tell which rows belong together: 0"
    )


def without_own_contexts(dataset: "Dataset") -> "Dataset":
    """The rows with a list that the source calls `context` as `source_context`: it is not read."""
    from pyarrow import types

    if "context" not in dataset.column_names:
        return dataset
    kind = column(dataset, "context").type
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return set_aside(dataset, ["context"]) if lists else dataset


def in_order(
    dataset: "Dataset", place: Int64[np.ndarray, "rows"], name: str
) -> Int64[np.ndarray, "rows"]:
    """Row numbers sorted by `place`, rows of one place as they follow each other in a dialogue.

    Raises ValueError where a column `dialogue` of the corpus `name` tells no dialogues.
    """
    if not has_turns(dataset):
        return np.argsort(place, kind="stable")
    return np.lexsort((column(dataset, "turn").to_numpy(), _dialogues(dataset, name), place))


def _dialogues(dataset: "Dataset", name: str) -> Int64[np.ndarray, "rows"]:
    """The dialogue of each row, numbered so that those of one document lie together."""
    from pyarrow import types

    document = document_numbers(dataset)[0].astype(np.int64)
    if "dialogue" not in dataset.column_names:
        return document
    told = column(dataset, "dialogue")
    if types.is_nested(told.type):
        raise ValueError(
            f"corpus {name}: its column dialogue holds {told.type}, which names no dialogues: give "
            "it texts or numbers, or another name"
        )
    names = told.unify_dictionaries().combine_chunks().dictionary_encode()
    own = names.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return own + 1 + document * (len(names.dictionary) + 1)  # names may start again in each


def _said(dataset: "Dataset", strip: bool) -> list[str]:
    """Each row's utterance with its speaker; empty where nothing is said."""
    texts = [text or "" for text in dataset["text"]]
    texts = [text.strip() if strip else text for text in texts]
    if "speaker" not in dataset.column_names:
        return texts
    speakers = [speaker or "" for speaker in dataset["speaker"]]
    return [
        f"{speaker}: {text}" if speaker and text else text
        for speaker, text in zip(speakers, texts, strict=True)
    ]


def _refuse_repeats(dialogue: np.ndarray, turn: np.ndarray, name: str, number: int) -> None:
    if ((dialogue[1:] == dialogue[:-1]) & (turn[1:] == turn[:-1])).any():
        raise ValueError(
            f"data_prep.context: {number}: corpus {name} has two rows with one document and one "
            "turn, so that what was said before is not told: 0"
        )
