"""What may be measured on: strings, documents, files, tables, and corpora by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from lm_geometry.data_prep.corpora.lines import text_lines
from lm_geometry.point_cloud.shapes import Int64


@runtime_checkable
class DataSet(Protocol):
    """A data set of the library `datasets`, or another that can be a table."""

    @property
    def column_names(self) -> list[str]:
        """Its columns."""
        ...

    def to_pandas(self) -> pd.DataFrame | Iterator[pd.DataFrame]:
        """Its rows as a table, where not asked for in batches."""
        ...


Document = str | Sequence[str]
Texts = (
    str
    | Path
    | Sequence[Path]
    | Sequence[Document]
    | Mapping[str, Document]
    | pd.DataFrame
    | DataSet
)
DOCUMENTS, BLOCKS = "documents", "blocks of text"
# Without one of them, as the jackknife has it, three are left: where neighbours are of other
# blocks, those of a token must be of two, to be neighbours of each other.
FEWEST_BLOCKS = 4
MOST_BLOCKS = 20  # that a lone document is divided into
PLAIN = (".txt", ".md", ".rst", ".tex")


@dataclass(frozen=True)
class Sequences:
    """Texts with the document of each, and what a document is.

    `table` has the columns `text` and `document`, and those of a table that was given. `unit` is
    "documents", or "blocks of text" where a lone document was divided: intervals are over them.
    """

    table: pd.DataFrame
    unit: str
    longer: int  # texts that were longer than a sequence may be


def read_texts(texts: Texts) -> pd.DataFrame:
    """The texts as a table with the columns `text` and `document`.

    `texts` is a list of strings, each a document; a list of lists of strings, a document each; a
    mapping of names of documents to either; a table or data set with a column `text` and perhaps
    `document`; the path of a text file (a document), or of a folder of `*.txt`; several paths; or
    a corpus as params.yaml names it: an alias, `hub:ID` or `file:PATH`. Texts of white space
    alone are left out. Raises ValueError for anything else, and where nothing is left.
    """
    table = _table(texts)
    table = table.loc[table["text"].str.strip() != ""].reset_index(drop=True)
    if table.empty:
        raise ValueError("texts: there is no text in them")
    return table


def _table(texts: Texts) -> pd.DataFrame:
    if isinstance(texts, Path):
        return _of_path(texts)
    if isinstance(texts, str):
        return _of_name(texts)
    if isinstance(texts, pd.DataFrame | DataSet):
        return _of_columns(texts)
    if isinstance(texts, Mapping):
        rows = [(text, str(name)) for name, own in texts.items() for text in _strings(own, name)]
    elif isinstance(texts, Sequence):
        paths = [one for one in texts if isinstance(one, Path)]
        if paths and len(paths) == len(texts):
            return pd.concat([_of_path(path) for path in paths], ignore_index=True)
        rows = [(text, str(n)) for n, own in enumerate(texts) for text in _strings(own, n)]
    else:
        raise ValueError(
            f"texts: a list of strings, a path or a table with a column `text`, not "
            f"{type(texts).__name__}"
        )
    return pd.DataFrame(rows, columns=["text", "document"])


def _strings(own: object, name: object) -> Iterator[str]:
    """The texts of one document."""
    if isinstance(own, str):
        own = [own]
    if not isinstance(own, Sequence) or not all(isinstance(text, str) for text in own):
        raise ValueError(f"texts: {name!r} is {type(own).__name__}; it must be strings")
    yield from own


def _of_columns(texts: pd.DataFrame | DataSet) -> pd.DataFrame:
    """A table or data set as it is, each row a document where it names none."""
    table = texts if isinstance(texts, pd.DataFrame) else texts.to_pandas()
    assert isinstance(table, pd.DataFrame)  # which was not asked for in batches
    if "text" not in table:
        raise ValueError(f"texts: no column `text`; there are {', '.join(map(str, table))}")
    table = table.reset_index(drop=True)
    documents = table["document"] if "document" in table else pd.Series(range(len(table)))
    return table.assign(document=documents.astype(str), text=table["text"].astype(str))


def _of_path(path: Path) -> pd.DataFrame:
    """A text file as one document, a folder as one of each of its `*.txt`."""
    path = path.expanduser()
    if not path.exists():
        raise ValueError(f"texts: {path} does not exist")
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"texts: {path} has no *.txt")
    if path.is_file() and path.suffix.lower() not in PLAIN:
        return _of_corpus(f"file:{path.resolve()}")
    rows = [("".join(text_lines(file)), file.stem) for file in files]
    return pd.DataFrame(rows, columns=["text", "document"])


def _of_name(name: str) -> pd.DataFrame:
    if "\n" not in name and len(name) < 1000:
        if not name.startswith(("file:", "hub:")) and Path(name).expanduser().exists():
            return _of_path(Path(name))
        if " " not in name or name.startswith(("file:", "hub:")):
            return _of_corpus(name)
    raise ValueError("texts: one string is a path or the name of a corpus; give texts as a list")


def _of_corpus(name: str) -> pd.DataFrame:
    """All sequences of a corpus as data-prep reads it, of its years, in the order of its source."""
    from lm_geometry.data_prep.corpora import reading
    from lm_geometry.data_prep.corpora.catalogue import read_corpora, resolve
    from lm_geometry.workspace import machine

    known = read_corpora()
    if not name.startswith(("file:", "hub:")) and name not in known:
        near = get_close_matches(name, known, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"texts: {name} does not exist, and is no corpus of the catalogue{meant}")
    entry = resolve(name)
    found = reading.read(entry, machine.downloads())
    table = pd.concat([_of_columns(rows) for rows in found.values()], ignore_index=True)
    if entry.years is None:
        return table
    first, last = entry.years
    return table.loc[table["year"].between(first, last)]


def refuse_shared(texts: pd.DataFrame, control: pd.DataFrame) -> None:
    """Raises ValueError where two sets of texts, whose changes are to be independent, share one."""
    shared = set(texts["text"]) & set(control["text"])
    if shared:
        raise ValueError(
            f"control: {len(shared):,} of its texts are among those of the probe set, so that "
            "their changes are not independent: give other documents"
        )


def sequences_of(
    table: pd.DataFrame, longest: int, length: Callable[[str], int], pieces: bool
) -> Sequences:
    """The texts as sequences of at most `longest` tokens, of which `length` tells the number.

    With `pieces` a longer text is halved at the white space nearest its middle, until all fit; the
    pieces are sequences of its document, and no text is lost. A lone document is then divided into
    blocks of consecutive sequences of nearly equal length, so that there is something to take
    intervals over.
    """
    longer = [length(text) > longest for text in table["text"]]
    if pieces and any(longer):
        columns = [name for name in table if name != "text"]
        rows = [
            {"text": piece} | {name: row[name] for name in columns}
            for row, long in zip(table.to_dict("records"), longer, strict=True)
            for piece in (_halved(str(row["text"]), longest, length) if long else [row["text"]])
        ]
        table = pd.DataFrame(rows)
    if len(set(table["document"])) > 1:
        return Sequences(table, DOCUMENTS, sum(longer))
    blocks = _blocks(table["text"].str.len().to_numpy())
    return Sequences(table.assign(document=blocks), BLOCKS, sum(longer))


def _halved(text: str, longest: int, length: Callable[[str], int]) -> Iterator[str]:
    text = text.strip()
    if not text:
        return
    place = _middle(text)
    if length(text) <= longest or not place:
        yield text
        return
    yield from _halved(text[:place], longest, length)
    yield from _halved(text[place:], longest, length)


def _middle(text: str) -> int:
    """The place of the white space nearest the middle; the middle where there is none."""
    half = len(text) // 2
    for away in range(half):
        for place in (half - away, half + away):
            if text[place].isspace():
                return place
    return half


def _blocks(characters: Int64[np.ndarray, "sequences"]) -> list[str]:
    """Of each sequence the block that its middle is in, of blocks with as many characters each."""
    if len(characters) < FEWEST_BLOCKS:
        return ["block 1"] * len(characters)
    blocks = min(MOST_BLOCKS, max(len(characters) // 2, FEWEST_BLOCKS))
    middle = np.cumsum(characters) - characters / 2
    number = np.minimum((middle / characters.sum() * blocks).astype(int), blocks - 1)
    return [f"block {one + 1}" for one in number]
