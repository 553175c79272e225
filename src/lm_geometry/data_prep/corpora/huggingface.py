"""Data sets that the `datasets` library loads: from the hub, saved on disk, or in hub layout."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.models.hub_errors import hub_error
from lm_geometry.models.sources import Source, SourceError, fetch

if TYPE_CHECKING:
    from datasets import Dataset


def read(source: Source, config: str | None, downloads: Path) -> "dict[str, Dataset]":
    """Every split of the data set; code that comes with a data set is never run.

    Raises SourceError, one sentence, where it cannot be loaded.
    """
    from datasets.exceptions import DatasetsError

    path = None if source.scheme == "hub" else fetch(source, downloads)
    if path is not None and path.is_file():
        raise SourceError(
            f"{path} is a file whose ending tells no format that is read: jsonl, csv, tsv, parquet "
            "and txt are, and folders that `datasets` saved or loads"
        )
    try:
        found = _from_hub(source, config) if path is None else _from_folder(path, config)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        if path is None:
            raise SourceError(hub_error(error, f"datasets/{source.location}")) from None
        raise SourceError(f"{path} is not a folder that `load_dataset` accepts: {error}") from None
    return {str(split): rows for split, rows in found.items()}


def _from_hub(source: Source, config: str | None) -> Mapping[Any, "Dataset"]:
    from datasets import load_dataset

    folder, revision = source.member or None, source.revision or None
    return load_dataset(source.location, config, data_dir=folder, revision=revision)


def _from_folder(path: Path, config: str | None) -> Mapping[Any, "Dataset"]:
    from datasets import Dataset, DatasetDict, load_dataset

    if (path / "dataset_dict.json").exists():
        return DatasetDict.load_from_disk(str(path))
    if (path / "state.json").exists():
        return {"train": Dataset.load_from_disk(str(path))}
    return load_dataset(str(path), config)
