"""csv and tsv, read as text cell by cell; what cannot be told for certain is refused."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora import lines as bounds
from lm_geometry.data_prep.corpora import texts
from lm_geometry.data_prep.corpora.lines import text_lines
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.pieces import Piece, Store
from lm_geometry.data_prep.corpora.written_numbers import Numbers

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 22  # characters that are put into Arrow's memory at once
OTHERS = {",": (";", "\t", "|"), "\t": (",", ";", "|")}

ADVICE = "double each mark within a text, and put marks around it"

Row = tuple[int, list[str]]  # the line that a row begins on, and its cells


class QuotationError(ValueError):
    """Quotation marks that do not stand as they do where cells are quoted: `why`, in words."""

    def __init__(self, path: Path, why: str) -> None:
        self.why = why
        super().__init__(f"{path}: {why}: {ADVICE}")


def read(path: Path, delimiter: str, as_text: set[str]) -> Part:
    """The rows of a csv or tsv file in pieces; its first row names the columns.

    Cells are texts. A column whose cells are all numbers, written as Python writes them, is one of
    numbers, unless it is among `as_text`; its empty cells are missing. In a tsv quotation marks
    may also be part of the text, where none of its cells is quoted. Raises ValueError with the line
    for rows of other lengths, ends of lines of two kinds, and quotation marks that do not fit.
    """
    try:
        return _columns(path, delimiter, as_text, quoted=True)
    except QuotationError as error:
        if delimiter != "\t":
            raise
        return _unquoted(path, as_text, error)


def _unquoted(path: Path, as_text: set[str], error: QuotationError) -> Part:
    """The columns of a tsv whose quotation marks are text; raises `error` where that is unsure."""
    try:
        columns = _columns(path, "\t", as_text, quoted=False)
    except ValueError:
        raise error from None
    print(f"{path.name}: quotation marks are part of its texts: {error.why}", flush=True)
    return columns


def _columns(path: Path, delimiter: str, as_text: set[str], *, quoted: bool) -> Part:
    """The columns; raises ValueError where nothing is `quoted` and a cell looks so all the same."""
    import pyarrow
    from datasets import Features

    store, pieces = Store(), list[Piece]()
    with _large_cells():
        rows = _rows(path, delimiter, quoted)
        names = _header(next(rows, None), path, delimiter)
        found = {name: Numbers() for name in names if name not in as_text}
        for block in _blocks(rows, len(names), path, delimiter):
            columns = [pyarrow.array(cells, pyarrow.string()) for cells in block]
            if not quoted and any(map(texts.any_quoted, columns)):
                raise ValueError(f"{path}: a cell begins and ends with quotation marks")
            for name, cells in zip(names, columns, strict=True):
                if name in found:
                    found[name].see(cells)
            pieces.append(store.put(pyarrow.table(columns, names=names)))
    as_read = pyarrow.schema([(name, pyarrow.string()) for name in names])
    whole = Part(pieces, Features.from_arrow_schema(as_read))
    kinds = {name: numbers.kind(partial(_cells, whole, name)) for name, numbers in found.items()}
    typed = [(name, pyarrow.type_for_alias(kinds.get(name, "string"))) for name in names]
    return Part(pieces, Features.from_arrow_schema(pyarrow.schema(typed)))


def _cells(part: Part, name: str) -> "Iterator[pa.ChunkedArray]":
    return (table.column(0) for table in part.tables([name]))


def _header(row: Row | None, path: Path, delimiter: str) -> list[str]:
    if row is None:
        raise ValueError(f"{path} is empty: its first line must name the columns")
    names = row[1]
    if len(names) == 1:
        for other in OTHERS[delimiter]:
            if other in names[0]:
                raise ValueError(
                    f"{path}, line 1: a {path.suffixes[0]} has {delimiter!r} between its columns, "
                    f"and this one seems to have {other!r}"
                )
    if twice := [number for number, name in enumerate(names) if name in names[:number]]:
        first = names.index(names[twice[0]]) + 1
        raise ValueError(
            f"{path}, line 1: columns {first} and {twice[0] + 1} have one name: rename one"
        )
    return names


def _blocks(
    rows: Iterator[Row], width: int, path: Path, delimiter: str
) -> Iterator[list[tuple[str, ...]]]:
    """The cells of many rows at a time, by column."""
    block: list[list[str]] = []
    size = 0
    for line, cells in rows:
        if len(cells) != width:
            raise ValueError(
                f"{path}: the row on line {line} has {len(cells)} cells, and the first line names "
                f"{width} columns: a {delimiter!r} within a cell needs quotation marks around it"
            )
        block.append(cells)
        size += width + sum(map(len, cells))
        if size > BLOCK:
            yield list(zip(*block, strict=True))
            block, size = [], 0
    if block:
        yield list(zip(*block, strict=True))


def _rows(path: Path, delimiter: str, quoted: bool) -> Iterator[Row]:
    """Each row with the line that it begins on; in a file of one column an empty line is a row."""
    kept: list[str] = []  # lines of the row that is being read
    options: dict[str, Any] = {"strict": True} if quoted else {"quoting": csv.QUOTE_NONE}
    watched = _watched(text_lines(path), kept, path)
    reader = csv.reader(watched, delimiter=delimiter, **options)
    line, width, end = 1, 0, None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _fault(str(error), path, line) from None
        width = width or len(cells)
        own_end = kept[-1][len(kept[-1].rstrip("\r\n")) :]
        end = own_end if end is None else end
        if own_end not in ("", end):
            raise ValueError(
                f"{path}: line {reader.line_num} ends with {own_end!r}, and lines before with "
                f"{end!r}: a carriage return within a cell needs quotation marks around it"
            )
        if quoted:
            _refuse_other_quotation(cells, kept, delimiter, path, line)
        if cells or width == 1:
            yield line, cells or [""]
        kept.clear()
        line = reader.line_num + 1


def _watched(lines: Iterator[str], kept: list[str], path: Path) -> Iterator[str]:
    """The lines, each added to those of its row; raises ValueError for a row without an end."""
    size = 0
    for number, line in enumerate(lines, 1):
        size = size + len(line) if kept else len(line)
        if size > bounds.LONGEST:
            raise ValueError(
                f"{path}: the row that begins on line {number - len(kept)} has more than "
                f"{bounds.LONGEST:,} characters: is a quotation mark in it never closed?"
            )
        kept.append(line)
        yield line


def _refuse_other_quotation(
    cells: list[str], lines: list[str], delimiter: str, path: Path, line: int
) -> None:
    """Raises ValueError for a row that was read without an error, and is likely another."""
    raw = "".join(lines)
    if sum(cell.count('\\"') for cell in cells) > raw.count('\\""'):
        raise ValueError(
            f"{path}: line {line} has a backslash before a quotation mark, which in a table is "
            f"no escape: {ADVICE}"
        )
    width = len(cells)
    alike = all(part.count("\t") == width - 1 for part in lines)
    if delimiter == "\t" and len(lines) > 1 < width and alike:
        raise QuotationError(
            path,
            f"a quotation mark that opens on line {line} and closes lines later takes for text "
            "what looks like rows",
        )


def _fault(said: str, path: Path, line: int) -> ValueError:
    """What Python's csv says of the row that begins on a line, in words."""
    if "unexpected end" in said:
        why = f"the quotation mark that opens on line {line} never closes"
    elif "expected after" in said:
        why = f"in the row that begins on line {line} text goes on after a closing quotation mark"
    elif "new-line" in said:
        return ValueError(
            f"{path}: line {line} has a carriage return that is neither at its end nor within "
            "quotation marks: save the file with one kind of line ends"
        )
    else:
        return ValueError(f"{path}: the row that begins on line {line} cannot be read: {said}")
    return QuotationError(path, why)


@contextmanager
def _large_cells() -> Iterator[None]:
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
