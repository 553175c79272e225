"""JSON that the `datasets` library reads: looked through before its parser, which would crash."""

import codecs
import contextlib
import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora.json_files import refuse_deep_text

if TYPE_CHECKING:
    import pyarrow as pa

FILES = ("files_iterables", "files")  # as the parameter is named now, and in datasets 4.0
PIECE = 1 << 20  # bytes that are looked through at once


@contextlib.contextmanager
def shallow_json() -> Iterator[None]:
    """Has `datasets` refuse deep JSON with a ValueError, wherever a file of it comes from.

    It alone knows which files it reads as JSON: those that a README.md names, whatever their
    endings, members of archives, files of the hub.
    """
    from datasets.packaged_modules.folder_based_builder.folder_based_builder import (
        FolderBasedBuilder,
    )
    from datasets.packaged_modules.json.json import Json

    tables, metadata = Json._generate_tables, FolderBasedBuilder._read_metadata
    seen: set[str] = set()  # for the first files are read twice

    def shallow_tables(self: Any, *given: Any, **options: Any) -> "Iterator[tuple[Any, pa.Table]]":
        asked = inspect.signature(tables).bind(self, *given, **options).arguments
        name = next((name for name in FILES if name in asked), None)
        if name is None:
            raise ValueError("this version of datasets reads JSON that cannot be looked through")
        for file in (str(file) for files in asked[name] for file in files):
            if file not in seen:
                refuse_deep_text(_pieces(file, self.config.encoding), file)
                seen.add(file)
        return tables(self, *given, **options)

    def shallow_metadata(self: Any, metadata_file: str, metadata_ext: str = "") -> Any:
        if metadata_ext == ".jsonl":
            refuse_deep_text(_pieces(metadata_file, "utf-8"), metadata_file)
        return metadata(self, metadata_file, metadata_ext)

    Json._generate_tables = shallow_tables
    FolderBasedBuilder._read_metadata = shallow_metadata
    try:
        yield
    finally:
        Json._generate_tables, FolderBasedBuilder._read_metadata = tables, metadata


def _pieces(file: str, encoding: str) -> Iterable[str]:
    from datasets.utils.file_utils import xopen

    with xopen(file, "rb") as opened:
        yield from codecs.iterdecode(iter(lambda: opened.read(PIECE), b""), encoding, "replace")
