"""Data sets that the `datasets` library loads: from the hub, saved on disk, or in hub layout."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora.json_files import DeepError
from lm_geometry.data_prep.corpora.lines import format_of
from lm_geometry.data_prep.corpora.shallow_json import shallow_json
from lm_geometry.models.hub_errors import hub_error
from lm_geometry.models.sources import Source, SourceError, fetch
from lm_geometry.workspace import machine
from lm_geometry.workspace.files import private_folder

if TYPE_CHECKING:
    from datasets import Dataset


TABLES = {".csv", ".tsv", ".jsonl", ".ndjson"}
OTHERS = {".parquet", ".arrow", ".json", ".txt", ".zip", ".tar", ".xml", ".pdf"}


def read(
    source: Source, config: str | None, downloads: Path, *, private: bool
) -> "dict[str, Dataset]":
    """Every split of the data set; code that comes with a data set is never run.

    What `datasets` makes of a `private` one is kept in the machine's own folder of such texts, and
    not in the cache that others may read. Raises SourceError, one sentence, where it cannot be
    loaded.
    """
    from datasets.exceptions import DatasetsError

    path = None if source.scheme == "hub" else fetch(source, downloads)
    if path is not None and path.is_file():
        raise SourceError(
            f"{path} is a file whose ending tells no format that is read: jsonl, csv, tsv, parquet "
            "and txt are, and folders that `datasets` saved or loads"
        )
    try:
        with shallow_json():
            cache = str(_own_cache()) if private else None
            if path is None:
                found = _from_hub(source, config, cache)
            else:
                found = _from_folder(path, config, cache)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        deep = error if isinstance(error, DeepError) else error.__cause__  # `datasets` wraps it
        if isinstance(deep, DeepError):
            raise SourceError(str(deep)) from None
        if path is None:
            raise SourceError(hub_error(error, f"datasets/{source.location}")) from None
        raise SourceError(f"{path} is not a folder that `load_dataset` accepts: {error}") from None
    return {str(split): rows for split, rows in found.items()}


def table_files(source: Source, config: str | None, downloads: Path) -> dict[str, list[Path]]:
    """The csv, tsv and jsonl files of each split of a folder in hub layout; else nothing.

    `datasets` guesses at these formats: NA is no text to it, 007 is 7, and a quotation mark that
    never closes joins rows. The reader `table` does not, so that it is given them.
    """
    if source.scheme == "hub" or config:
        return {}
    path = fetch(source, downloads)
    card = path / "README.md"
    configured = card.exists() and "configs:" in card.read_text(encoding="utf-8", errors="replace")
    saved = (path / "dataset_dict.json").exists() or (path / "state.json").exists()
    return {} if not path.is_dir() or configured or saved else _by_split(path)


def _by_split(path: Path) -> dict[str, list[Path]]:
    from datasets.data_files import DataFilesDict, EmptyDatasetError, get_data_patterns

    try:
        found = DataFilesDict.from_patterns(get_data_patterns(str(path)), base_path=str(path))
    except (EmptyDatasetError, FileNotFoundError):
        return {}
    formats = {format_of(Path(file)) for files in found.values() for file in files}
    if not formats & TABLES or formats & OTHERS:
        return {}
    splits = {
        str(split): [Path(file) for file in files if format_of(Path(file)) in TABLES]
        for split, files in found.items()
    }
    return {split: files for split, files in splits.items() if files}


def _own_cache() -> Path:
    """Below a folder that nobody else can enter."""
    return private_folder(private_folder(machine.private_texts()) / "datasets")


def _from_hub(source: Source, config: str | None, cache: str | None) -> Mapping[Any, "Dataset"]:
    from datasets import load_dataset

    folder, revision = source.member or None, source.revision or None
    return load_dataset(
        source.location, config, data_dir=folder, revision=revision, cache_dir=cache
    )


def _from_folder(path: Path, config: str | None, cache: str | None) -> Mapping[Any, "Dataset"]:
    from datasets import Dataset, DatasetDict, load_dataset

    if (path / "dataset_dict.json").exists():
        return DatasetDict.load_from_disk(str(path))
    if (path / "state.json").exists():
        return {"train": Dataset.load_from_disk(str(path))}
    return load_dataset(str(path), config, cache_dir=cache)
