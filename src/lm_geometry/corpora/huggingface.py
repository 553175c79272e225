"""Data sets that the `datasets` library loads: from the hub, saved on disk, or in hub layout."""

from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry.hub_errors import hub_error
from lm_geometry.sources import Source, SourceError, fetch

if TYPE_CHECKING:
    from datasets import DatasetDict


def read(source: Source, config: str | None, downloads: Path) -> "DatasetDict":
    """Every split of the data set; code that comes with a data set is never run.

    Raises SourceError, one sentence, where it cannot be loaded.
    """
    import datasets

    if source.scheme == "hub":
        options = {"data_dir": source.member or None, "revision": source.revision or None}
        try:
            return datasets.load_dataset(source.location, config, **options)
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            raise SourceError(hub_error(error, f"datasets/{source.location}")) from None
    path = fetch(source, downloads)
    if (path / "dataset_dict.json").exists():
        return datasets.DatasetDict.load_from_disk(str(path))
    if (path / "state.json").exists():
        return datasets.DatasetDict({"train": datasets.Dataset.load_from_disk(str(path))})
    try:
        return datasets.load_dataset(str(path), config)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise SourceError(f"{path} is not a folder that `load_dataset` accepts: {error}") from None
