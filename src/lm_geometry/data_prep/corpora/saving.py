"""A prepared corpus as a folder that `datasets` loads, with the same bytes for the same rows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.workspace.files import whole_folder
from lm_geometry.workspace.hashes import path_hash

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

# How `datasets` divides rows: bytes of a file, rows that it writes at once, and bytes of these.
FILE, ROWS, LARGEST = 500_000_000, 1000, 100_000_000


def save(rows: "Dataset | Part", folder: Path) -> None:
    """Write a prepared corpus, with the same bytes for the same content, whole or not at all."""
    with whole_folder(folder) as temporary:
        if isinstance(rows, Part):
            _write_in_pieces(rows, temporary)
        else:
            rows.save_to_disk(str(temporary))
        state = json.loads((temporary / "state.json").read_text(encoding="utf-8"))
        content = [path_hash(file) for file in sorted(temporary.glob("*.arrow"))]
        state["_fingerprint"] = "".join(content)[:16]
        text = json.dumps(state, indent=1, sort_keys=True)
        (temporary / "state.json").write_text(text + "\n", encoding="utf-8")


def _write_in_pieces(part: Part, folder: Path) -> None:
    """What `Dataset.save_to_disk` writes of the rows, of which a few are in memory at a time."""
    from datasets.arrow_writer import ArrowWriter

    part.select(np.empty(0, np.int64)).dataset().save_to_disk(str(folder))  # what describes it
    size = sum(table.nbytes for table in part.tables())
    count = min(len(part), size // FILE + 1)
    rows = max(1, min(ROWS, len(part) * LARGEST // max(1, size)))
    names = [f"data-{number:05d}-of-{count:05d}.arrow" for number in range(count)]
    waiting = _Rows(part.tables())
    for number, name in enumerate(names):
        left = len(part) // count + (number < len(part) % count)
        path = str(folder / name)
        with ArrowWriter(features=part.features, path=path, embed_local_files=True) as writer:
            while left:
                writer.write_table(waiting.take(min(rows, left)))
                left -= min(rows, left)
            writer.finalize()
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    state["_data_files"] = [{"filename": name} for name in names]
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")


class _Rows:
    """Rows of tables that are taken a few at a time."""

    def __init__(self, tables: "Iterator[pa.Table]") -> None:
        self._tables = tables
        self._there: list[Any] = []
        self._number = 0

    def take(self, rows: int) -> "pa.Table":
        """The next `rows` rows, which must be there."""
        import pyarrow

        while self._number < rows:
            self._there.append(next(self._tables))
            self._number += len(self._there[-1])
        whole = pyarrow.concat_tables(self._there)
        self._there = [whole.slice(rows)]
        self._number -= rows
        # A part of a larger array is written with some of what follows it: two are made into one.
        return pyarrow.concat_tables([whole.slice(0, rows), whole.slice(0, 0)]).combine_chunks()
