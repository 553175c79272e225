"""Plain text files."""

import re
from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.lines import text_lines
from lm_geometry.data_prep.corpora.rows import Row


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per paragraph (or line, as `unit` says) of a text file, or of a folder's `*.txt`.

    The document is the file where there are several, else the row. The lines of a paragraph are
    joined by spaces.
    """
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path} has no *.txt")
    for file in files:
        for number, part in enumerate(_parts("".join(text_lines(file)), entry.unit)):
            document = file.stem if len(files) > 1 else str(number)
            yield {"text": part, "document": document}


def _parts(text: str, unit: str) -> list[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if unit == "lines":  # not at the other places where `splitlines` ends one
        return text.removesuffix("\n").split("\n") if text else []
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
