"""The column `context`: what was said in a document before each of its utterances."""

from collections import deque
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
    Raises ValueError where documents or their turns are not told, or two rows are the same turn.
    """
    import pyarrow

    if not has_turns(dataset):
        raise ValueError(
            f"data_prep.context: {number}: corpus {name} has no column turn (whole numbers) that "
            "orders the utterances of a document: 0"
        )
    dialogue = _dialogues(dataset)
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


def without_own_contexts(dataset: "Dataset") -> "Dataset":
    """The rows with a list that the source calls `context` as `source_context`: it is not read."""
    from datasets import List

    own = dataset.features.get("context")
    return set_aside(dataset, ["context"]) if isinstance(own, List | list) else dataset


def in_order(dataset: "Dataset", place: Int64[np.ndarray, "rows"]) -> Int64[np.ndarray, "rows"]:
    """Row numbers sorted by `place`, rows of one place as they follow each other in a dialogue."""
    if not has_turns(dataset):
        return np.argsort(place, kind="stable")
    return np.lexsort((column(dataset, "turn").to_numpy(), _dialogues(dataset), place))


def _dialogues(dataset: "Dataset") -> Int64[np.ndarray, "rows"]:
    """The dialogue of each row, numbered so that those of one document lie together."""
    document = document_numbers(dataset)[0].astype(np.int64)
    if "dialogue" not in dataset.column_names:
        return document
    names = column(dataset, "dialogue").unify_dictionaries().combine_chunks().dictionary_encode()
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
