"""State of the Union addresses, one text file a speech."""

import re
from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row

DATE = re.compile(r"\[(\d{4}-\d{2}-\d{2})\]")
NOTE = re.compile(r"\s*\[[^\[\]]*\]")


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per paragraph of `YEAR-NAME-N.txt`; columns document, year.

    Editors' notes in brackets are dropped; bracketed dates, which are part of a sentence, stay.
    `years` of the entry is applied after the split, so that a speech is in the same split
    whatever years are asked for.
    """
    files = sorted(path.glob("*.txt"))
    if not files:
        raise ValueError(f"{path} has no speeches (YEAR-NAME-N.txt)")
    for file in files:
        year = int(file.name.partition("-")[0])
        text = DATE.sub(r"\1", file.read_text(encoding="utf-8"))
        for paragraph in NOTE.sub("", text).split("\n\n"):
            words = " ".join(paragraph.split())
            if words:
                yield {"text": words, "document": file.stem, "year": year}
