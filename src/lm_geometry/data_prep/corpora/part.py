"""A part of a corpus, such as a split: rows of one set of columns, read in pieces."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Self

import numpy as np

from lm_geometry.data_prep.corpora.data_sets import alike, as_table, in_memory, tables_of
from lm_geometry.data_prep.corpora.pieces import Piece, Store, in_pieces
from lm_geometry.point_cloud.shapes import Integer, Shaped

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset, Features

AT_ONCE = 1 << 25  # bytes of rows that are put into another order in memory


class Part:
    """Rows of a corpus, of which only a piece is in memory at a time.

    `features` are the columns as `datasets` calls them. A part may be a choice of the rows of
    another, in any order; what is known of these is then not found again.
    """

    def __init__(
        self,
        pieces: list[Piece],
        features: "Features",
        rows: Integer[np.ndarray, "rows"] | None = None,
        known: dict[Hashable, np.ndarray] | None = None,
    ) -> None:
        self.features = features
        self._pieces = pieces
        self._all = sum(piece.rows for piece in pieces)
        self._rows = rows
        self._known = {} if known is None else known

    @classmethod
    def written(cls, tables: "Iterable[pa.Table]", features: "Features") -> Self:
        """A part of what tables of these columns hold."""
        return cls(_stored(tables), features)

    @classmethod
    def of(cls, dataset: "Dataset") -> Self:
        """The rows of a data set, whose own memory is free afterwards."""
        return cls.written(tables_of(dataset), dataset.features)

    @classmethod
    def joined(cls, parts: "list[Part]") -> "Part":
        """The whole parts one after the other, a column that one lacks missing there.

        Raises ValueError where columns are of several kinds.
        """
        full = [part for part in parts if len(part)] or parts[:1]
        if len(full) == 1:
            return full[0]
        features = alike([part.features for part in full])
        return Part([piece for part in full for piece in part._whole_pieces()], features)

    def __len__(self) -> int:
        return self._all if self._rows is None else len(self._rows)

    @property
    def column_names(self) -> list[str]:
        """The names of its columns, in order."""
        return list(self.features)

    @property
    def schema(self) -> "pa.Schema":
        """The Arrow types of its columns."""
        return self.features.arrow_schema.remove_metadata()

    def select(self, rows: Integer[np.ndarray, "chosen"]) -> "Part":
        """These of its rows, in this order."""
        if len(rows) == len(self) and np.array_equal(rows, np.arange(len(self))):
            return self
        rows = rows.astype(np.int32 if self._all < 2**31 else np.int64)
        own = rows if self._rows is None else self._rows[rows]
        return Part(self._pieces, self.features, own, self._known)

    def only(self, columns: Iterable[str]) -> "Part":
        """Its rows with these of its columns alone."""
        features = type(self.features)({name: self.features[name] for name in columns})
        return Part(self._pieces, features, self._rows, self._known)

    def mapped(self, of: "Callable[[Dataset, int], Dataset]") -> "Part":
        """What `of` makes of a few megabytes of its rows at a time, and the number before them."""
        made: list[Features] = []

        def tables() -> "Iterator[pa.Table]":
            before = 0
            for rows in self.datasets():
                own = of(rows, before)
                before += len(rows)
                made.append(own.features)
                yield as_table(own).replace_schema_metadata(None)

        pieces = _stored(tables())
        return Part(pieces, made[0])

    def values(
        self, key: Hashable, column: str, of: "Callable[[pa.ChunkedArray], np.ndarray]"
    ) -> Shaped[np.ndarray, "rows"]:
        """What `of` finds in a column, a value per row; under `key` it is kept for other choices.

        Raises KeyError for a column that is not there.
        """
        if key not in self._known:
            schema = self._schema_of([column])
            found = [of(piece.read(schema).column(0)) for piece in self._pieces]
            self._known[key] = np.concatenate(found) if found else np.empty(0, bool)
        known = self._known[key]
        return known if self._rows is None else known[self._rows]

    def known(
        self, key: Hashable, found: Callable[["Part"], np.ndarray]
    ) -> Shaped[np.ndarray, "rows"]:
        """What `found` tells of each of the rows that this is a choice of, here of the chosen."""
        if key not in self._known:
            self._known[key] = found(Part(self._pieces, self.features))
        known = self._known[key]
        return known if self._rows is None else known[self._rows]

    def tables(self, columns: Iterable[str] | None = None) -> "Iterator[pa.Table]":
        """Its rows in order, as tables of a few megabytes each."""
        schema = self._schema_of(columns)
        if self._rows is None:
            yield from (piece.read(schema) for piece in self._pieces)
        elif (np.diff(self._rows) > 0).all():
            yield from (own for own, _ in self._of_each_piece(schema, self._rows))
        else:
            yield from self._in_any_order(schema, self._rows)

    def table(self, columns: Iterable[str] | None = None) -> "pa.Table":
        """All its rows in memory, as a `pyarrow.Table`."""
        import pyarrow

        schema = self._schema_of(columns)
        return pyarrow.concat_tables([schema.empty_table(), *self.tables(columns)])

    def datasets(self) -> "Iterator[Dataset]":
        """Its rows in order, as data sets of a few megabytes each, at least one."""
        from datasets import DatasetInfo

        info = DatasetInfo(features=self.features)
        if not len(self):
            yield in_memory(self.schema.empty_table(), info)
        for table in self.tables():
            yield in_memory(table, info)

    def dataset(self) -> "Dataset":
        """All its rows in memory, as a data set."""
        from datasets import DatasetInfo

        return in_memory(self.table(), DatasetInfo(features=self.features))

    def bytes_per_row(self) -> float:
        """How long a row is, about, in bytes."""
        return sum(piece.size for piece in self._pieces) / max(1, self._all)

    def _whole_pieces(self) -> list[Piece]:
        if self._rows is None:
            return self._pieces
        return Part.written(self.tables(), self.features)._pieces

    def _schema_of(self, columns: Iterable[str] | None) -> "pa.Schema":
        import pyarrow

        schema = self.schema
        names = schema.names if columns is None else columns
        return pyarrow.schema([schema.field(name) for name in names])

    def _of_each_piece(
        self, schema: "pa.Schema", rows: np.ndarray
    ) -> "Iterator[tuple[pa.Table, np.ndarray]]":
        """The rows of each piece that are among `rows`, and their places there."""
        order = np.argsort(rows, kind="stable").astype(rows.dtype)
        ends = np.cumsum([piece.rows for piece in self._pieces])
        stops = np.searchsorted(rows, ends, sorter=order)
        start = low = 0
        for piece, end, stop in zip(self._pieces, ends.tolist(), stops.tolist(), strict=True):
            if stop > low:
                places = order[low:stop]
                yield piece.read(schema).take(rows[places] - start), places
            start, low = end, stop

    def _in_any_order(self, schema: "pa.Schema", rows: np.ndarray) -> "Iterator[pa.Table]":
        """Rows of which as many are sorted at once as memory is given for."""
        import pyarrow

        block = max(1000, int(AT_ONCE / max(1.0, self.bytes_per_row())))
        count = -(-len(rows) // block)
        store = Store()
        found: list[list[Piece]] = [[] for _ in range(count)]
        where: list[list[np.ndarray]] = [[] for _ in range(count)]
        for table, places in self._of_each_piece(schema, rows):
            for number in range(count):
                own = np.flatnonzero(places // block == number)
                if len(own):
                    found[number].append(store.put(table.take(own)))
                    where[number].append(places[own])
        for pieces, places in zip(found, where, strict=True):
            tables = [piece.read(schema) for piece in pieces]
            yield pyarrow.concat_tables(tables).take(np.argsort(np.concatenate(places)))


def _stored(tables: "Iterable[pa.Table]") -> list[Piece]:
    store = Store()
    return [store.put(table) for table in in_pieces(tables)]
