"""News stories, one a line."""

from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per story, which is its own document (`FILE-LINE`); the file is Latin-1."""
    with path.open(encoding="latin-1") as file:
        for number, line in enumerate(file, start=1):
            if story := line.strip():
                yield {"text": story, "document": f"{path.stem}-{number}"}
