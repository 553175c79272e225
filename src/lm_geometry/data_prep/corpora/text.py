"""Plain text files."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora import lines as bounds
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.lines import text_lines
from lm_geometry.data_prep.corpora.part import Part

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1 << 14  # that are put into Arrow's memory at once


def read(path: Path, entry: Corpus, before: int = 0) -> Part:
    """A row per paragraph (or line, as `unit` says) of a text file, or of a folder's `*.txt`.

    The document is the file where there are several, else the row, after the number of rows
    `before` where that is not 0. The lines of a paragraph are joined by spaces.
    """
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path} has no *.txt")
    prefix = f"{before}-" if before else ""  # files of several sources may share names
    return Part.written(_tables(files, entry.unit, prefix), _features())


def _tables(files: list[Path], unit: str, prefix: str) -> "Iterator[pa.Table]":
    import pyarrow

    schema = _features().arrow_schema.remove_metadata()
    rows: list[dict[str, Any]] = []
    for file in files:
        for number, part in enumerate(_parts(text_lines(file), unit, file)):
            document = file.stem if len(files) > 1 else str(number)
            rows.append({"text": part, "document": prefix + document})
            if len(rows) == ROWS:
                yield pyarrow.Table.from_pylist(rows, schema)
                rows = []
    if rows:
        yield pyarrow.Table.from_pylist(rows, schema)


def _features() -> Any:
    from datasets import Features, Value

    return Features({"text": Value("string"), "document": Value("string")})


def _parts(lines: Iterable[str], unit: str, file: Path) -> Iterator[str]:
    """The lines, or paragraphs, of a text; raises ValueError for a paragraph without an end."""
    between = _between_ends(lines)
    text, is_first, is_open = [next(between)], True, True
    size = 0  # of the paragraph that is held, its ends of lines included
    for number, following in enumerate(between, 2):
        if unit == "lines":
            yield text.pop()
        elif not is_first and not text[-1].strip():  # it stands between two ends of lines
            text.pop()
            if is_open:
                yield " ".join(" ".join(text).split())
            text, is_open, size = [], False, 0
        else:
            is_open = True
        is_first = False
        text.append(following)
        size += len(following) + 1
        if size > bounds.LONGEST and unit != "lines":
            raise ValueError(
                f"{file}: the paragraph that line {number} is in has more than "
                f"{bounds.LONGEST:,} characters: divide it by empty lines, or read `unit: lines`"
            )
    if unit != "lines":
        yield " ".join(" ".join(text).split())
    elif text[-1]:
        yield text[-1]


def _between_ends(lines: Iterable[str]) -> Iterator[str]:
    """What stands before, between and after the ends of lines, of any kind; it may be empty."""
    rest = ""
    for line in lines:  # and not ended at the other places where `splitlines` ends one
        *whole, rest = line.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        yield from whole
    yield rest
