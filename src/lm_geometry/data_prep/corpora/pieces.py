"""Tables of many rows in pieces, on the scratch disk where they do not fit in a little memory."""

import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lm_geometry.workspace import machine

if TYPE_CHECKING:
    import pyarrow as pa

IN_MEMORY = 1 << 24  # bytes of a store that wait in memory; more go to disk
PIECE = 1 << 22  # bytes of a table that are worked on at once


class Store:
    """Where pieces are kept: memory, then a file of the scratch folder that has no name.

    So nothing is left of it when the process ends, however it ends, and nobody else can open it.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(dir=str(machine.scratch()))  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._end = 0
        self._is_on_disk = False

    def put(self, table: "pa.Table") -> "Piece":
        """A table with all its columns, to be read again; raises OSError where no room is left."""
        import pyarrow

        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        content = sink.getvalue()
        try:
            self._write(memoryview(content))
        except OSError as error:
            why = f"{error.strerror}, where {self._end + content.size:,} bytes of a corpus wait"
            folder = f"{machine.scratch()} (LM_GEOMETRY_SCRATCH names another folder)"
            raise OSError(error.errno, why, folder) from None
        piece = Piece(self, self._end, content.size, table.num_rows)
        self._end += content.size
        return piece

    def _write(self, content: memoryview) -> None:
        if not self._is_on_disk and self._end + content.nbytes > IN_MEMORY:
            machine.scratch().mkdir(parents=True, exist_ok=True)
            self._file.rollover()
            self._is_on_disk = True
        self._file.seek(self._end)
        self._file.write(content)

    def get(self, start: int, size: int) -> bytes:
        """What was put at a place."""
        self._file.seek(start)
        return self._file.read(size)


@dataclass(frozen=True)
class Piece:
    """A table of a store: so many `rows`, and so many bytes at a place."""

    store: Store
    start: int
    size: int
    rows: int

    def schema(self) -> "pa.Schema":
        """The columns as they were put."""
        import pyarrow

        return pyarrow.ipc.open_stream(self.store.get(self.start, self.size)).schema

    def read(self, schema: "pa.Schema") -> "pa.Table":
        """The columns of `schema` in its types; one that the piece lacks is missing in each row.

        An empty text is no number. Raises ArrowException for values that a type does not hold.
        """
        import pyarrow

        content = self.store.get(self.start, self.size)
        own = pyarrow.ipc.open_stream(content).schema
        there = [n for n, field in enumerate(own) if field.name in schema.names]
        found: Any = None
        if there:
            options = pyarrow.ipc.IpcReadOptions(included_fields=there)
            found = pyarrow.ipc.open_stream(content, options=options).read_all()
        columns = [
            _as_type(found.column(field.name), field.type)
            if found is not None and field.name in found.column_names
            else pyarrow.nulls(self.rows, field.type)
            for field in schema
        ]
        return pyarrow.Table.from_arrays(columns, schema=schema)


def in_pieces(tables: "Iterable[pa.Table]") -> "Iterator[pa.Table]":
    """The same rows in tables of about `PIECE` bytes each, whatever size they come in."""
    import pyarrow

    waiting: list[Any] = []
    size = 0
    for table in tables:
        for part in _cut(table):
            if waiting and (size + part.nbytes > PIECE or part.schema != waiting[0].schema):
                yield pyarrow.concat_tables(waiting).combine_chunks()
                waiting, size = [], 0
            waiting.append(part)
            size += part.nbytes
    if waiting:
        yield pyarrow.concat_tables(waiting).combine_chunks()


def _cut(table: "pa.Table") -> "Iterator[pa.Table]":
    count = max(1, -(-table.nbytes // PIECE))
    rows = max(1, -(-table.num_rows // count))
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def _as_type(values: "pa.ChunkedArray", kind: "pa.DataType") -> "pa.ChunkedArray":
    from pyarrow import types

    from lm_geometry.data_prep.corpora import texts

    if values.type == kind:
        return values
    if types.is_string(values.type) and (types.is_integer(kind) or types.is_floating(kind)):
        values = texts.not_empty(values)
    return values.cast(kind)
