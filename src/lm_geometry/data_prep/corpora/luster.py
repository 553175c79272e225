"""Dialogues as LUSTER writes them, one string a turn, and the parts of it that can be masked.

A text is a chain of `label : …` segments, each up to `</s>`; of every label the last one counts.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry.data_prep.corpora import tables
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.part import Part

if TYPE_CHECKING:
    from datasets import Dataset

END = "</s>"
COLUMN = "source_target"
LABELS = {
    "mask_state": "state",
    "mask_database": "database",
    "mask_action": "action",
    "mask_system_last": "system",
}
SLOTS = (
    *("price range", "pricerange", "area", "food", "type", "name", "stars", "choice"),
    *("book time", "book day", "book people", "internet", "parking", "address"),
    *("entrance fee", "postcode", "phone", "ref", "reference"),
)
CHOICE = re.compile(r"\bchoice\s+([0-9]+)\b", re.IGNORECASE)
TAIL = re.compile(r"([A-Za-z0-9][A-Za-z0-9\s\-]*)$")

Span = tuple[int, int]  # first character, and the one after the last
Brush = list[int]  # a span, and 1 where its tokens are in the mask from then on, or 0


def text_column(part: Part, entry: Corpus) -> Corpus:
    """The entry with the column that holds the texts: its own, else `source_target`."""
    asked = entry.column != "text" or COLUMN not in part.column_names
    return entry if asked else entry.model_copy(update={"column": COLUMN})


def read(path: Path, entry: Corpus) -> Part:
    """The rows of a table (csv, tsv, jsonl, parquet), without their masks yet."""
    return tables.read(path, entry)


def with_masks(dataset: "Dataset", entry: Corpus) -> "Dataset":
    """The data set, whose column is `text`, with the spans of its masks.

    Columns `mask_state`, `mask_database`, `mask_action`, `mask_system_last`,
    `mask_system_content` (values of the action in the last system utterance) and
    `mask_system_noncontent` (its other tokens): lists of (first character, the one after the last,
    1 or 0), of which embed makes truth values, token by token. White space before a text is taken
    off, since places are counted from its first character.
    """
    import pyarrow

    from lm_geometry.data_prep.corpora.columns import added, column

    own = column(dataset, "text").to_pylist()
    texts = [None if text is None else text.lstrip() for text in own]
    if moved := sum(a != b for a, b in zip(own, texts, strict=True)):
        print(f"{entry.source}: white space before {moved} texts is taken off", flush=True)
    found = [masks_of(text or "") for text in texts]
    kind = pyarrow.list_(pyarrow.list_(pyarrow.int64()))
    names = [*LABELS, "mask_system_content", "mask_system_noncontent"]
    columns = {name: pyarrow.array([one[name] for one in found], kind) for name in names}
    columns = {"text": pyarrow.array(texts, pyarrow.string())} | columns
    rest = dataset.remove_columns([name for name in dataset.column_names if name in columns])
    return added(rest, columns)


def masks_of(text: str) -> dict[str, list[Brush]]:
    """The spans of every mask in a text."""
    parts = {name: segment(text, label) for name, label in LABELS.items()}
    found = {name: [] if span is None else [[*span, 1]] for name, span in parts.items()}
    system, action = parts["mask_system_last"], parts["mask_action"]
    content: list[Span] = []
    if system is not None and action is not None:
        said = list(action_values(text[slice(*action)]))
        content = [span for value in said for span in _occurrences(value, text, system)]
    found["mask_system_content"] = [[*span, 1] for span in content]
    both = system is not None and action is not None
    others = [[*span, 0] for span in content]
    found["mask_system_noncontent"] = [*found["mask_system_last"], *others] if both else []
    return found


def segment(text: str, label: str) -> Span | None:
    """The characters after the last `label :`, up to the next `</s>` or the end."""
    begins = [found.end() for found in re.finditer(rf"{label}\s*:\s*", text, re.IGNORECASE)]
    if not begins:
        return None
    end = text.find(END, begins[-1])
    return begins[-1], len(text) if end < 0 else end


def action_values(action: str) -> Iterator[str]:
    """The values in `inform area centre ; request food`, each once, in order.

    A clause is an intent, a slot and its value; of a clause without a known slot the number of
    choices, or the words at its end, are the value.
    """
    seen: set[str] = set()
    for clause in (part.strip() for part in action.split(";")):
        value = _value(clause) if clause else ""
        if value and value.lower() not in seen:
            seen.add(value.lower())
            yield value


def _value(clause: str) -> str:
    tail = clause[len(clause.split()[0]) :].strip()
    for slot in sorted(SLOTS, key=len, reverse=True):
        if tail.lower() == slot:
            return ""
        if tail.lower().startswith((f"{slot} ", f"{slot}:")):
            return tail[len(slot) :].lstrip(" :").strip()
    if found := CHOICE.search(clause):
        return found[1]
    found = TAIL.search(tail)
    return found[1].strip() if found else ""


def _occurrences(value: str, text: str, within: Span) -> Iterator[Span]:
    """Whole words that are the value, or its plural in s or es, in any case."""
    plural = "(?:s|es)?" if value.isalpha() else ""
    start = within[0]
    pattern = rf"\b{re.escape(value)}{plural}\b"
    for found in re.finditer(pattern, text[slice(*within)], re.IGNORECASE):
        yield start + found.start(), start + found.end()
