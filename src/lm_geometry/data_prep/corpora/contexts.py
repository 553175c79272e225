"""The column `context`: what was said in a document before each of its utterances."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from lm_geometry.data_prep.corpora.columns import added, column, set_aside
from lm_geometry.data_prep.corpora.dialogue_columns import has_turns
from lm_geometry.data_prep.corpora.documents import document_numbers, name_numbers
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.point_cloud.shapes import Int64, Integer

if TYPE_CHECKING:
    from datasets import Dataset


def with_contexts(part: Part, name: str, number: int, strip: bool) -> Part:
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

    if not has_turns(part):
        raise ValueError(
            f"data_prep.context: {number}: corpus {name} has no column turn (whole numbers) that "
            "orders the utterances of a document: 0"
        )
    dialogue = _dialogues(part, name)
    turn = column(part, "turn").to_numpy()
    order = np.lexsort((turn, dialogue))
    _refuse_repeats(dialogue[order], turn[order], name, number)
    dataset = part.dataset()
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
    given = {"context": pyarrow.array(contexts, strings)}
    return Part.of(added(set_aside(dataset, ["context"]), given))


def refuse_empty(parts: Iterable[Part], name: str, number: int) -> None:
    """Raise ValueError where no row of the corpus `name`, in any of its parts, has a context."""
    if any(len(own.flatten()) for part in parts for own in column(part, "context").chunks):
        return
    raise ValueError(
        f"data_prep.context: {number}: every context of corpus {name} is empty, as no row has an "
        "utterance before it in its document (or dialogue); the column document, or the one that "
        "document_column of its catalogue entry names, must tell which rows belong together: 0"
    )


def without_own_contexts(part: Part) -> Part:
    """The rows with a list that the source calls `context` as `source_context`: it is not read."""
    from pyarrow import types

    if "context" not in part.column_names:
        return part
    kind = part.schema.field("context").type
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return part.mapped(lambda rows, _: set_aside(rows, ["context"])) if lists else part


def in_order(
    part: Part, place: Integer[np.ndarray, "rows"], name: str
) -> Int64[np.ndarray, "rows"]:
    """Row numbers sorted by `place`, rows of one place as they follow each other in a dialogue.

    Raises ValueError where a column `dialogue` of the corpus `name` tells no dialogues.
    """
    if not has_turns(part):
        return np.argsort(place, kind="stable")
    return np.lexsort((column(part, "turn").to_numpy(), _dialogues(part, name), place))


def _dialogues(part: Part, name: str) -> Int64[np.ndarray, "rows"]:
    """The dialogue of each row, numbered so that those of one document lie together."""
    from pyarrow import types

    document = document_numbers(part)[0].astype(np.int64)
    if "dialogue" not in part.column_names:
        return document
    kind = part.schema.field("dialogue").type
    if types.is_nested(kind):
        raise ValueError(
            f"corpus {name}: its column dialogue holds {kind}, which names no dialogues: give "
            "it texts or numbers, or another name"
        )
    own, number = name_numbers(part, "dialogue")
    return own + 1 + document * (number + 1)  # names may start again in each


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
