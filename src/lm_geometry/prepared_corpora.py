"""What data-prep wrote: the training corpus, and the corpus splits that are compared.

Text that must not be passed on lies below data/private, which is never pushed. Each place has an
index of what data-prep put there, so that folders of an earlier run are never picked up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry import paths
from lm_geometry.store.files import read_json, write_json

if TYPE_CHECKING:
    from datasets import Dataset

PRIVATE_TRAINING = paths.PRIVATE / paths.TRAINING.name
PRIVATE_CORPORA = paths.PRIVATE / paths.CORPORA.name


@dataclass(frozen=True)
class CorpusSplit:
    """One evaluated corpus split; `private` text never leaves the machine."""

    corpus: str
    split: str
    private: bool

    @property
    def folder(self) -> Path:
        """Where its texts are."""
        root = PRIVATE_CORPORA if self.private else paths.CORPORA
        return root / self.corpus / self.split

    def read(self) -> "Dataset":
        """Its sequences, with the columns `text` and `document` and others."""
        return _load(self.folder)


@dataclass(frozen=True)
class TrainingCorpus:
    """The corpus that a model is fine-tuned on."""

    name: str
    folder: Path

    def texts(self, split: str) -> list[str]:
        """The texts of its `train` or `validation` split."""
        return list(_load(self.folder / split)["text"])


def write_indexes(training: str, private_training: bool, evaluated: list[CorpusSplit]) -> None:
    """Record what is where; written last, for the folders are complete then."""
    write_json(paths.TRAINING / "index.json", {"corpus": None if private_training else training})
    write_json(PRIVATE_TRAINING / "index.json", {"corpus": training if private_training else None})
    for root, private in ((paths.CORPORA, False), (PRIVATE_CORPORA, True)):
        here = [
            {"place": place, "corpus": split.corpus, "split": split.split}
            for place, split in enumerate(evaluated)
            if split.private == private
        ]
        write_json(root / "index.json", here)


def read_training() -> TrainingCorpus:
    """The corpus that data-prep prepared for fine-tuning."""
    for folder in (paths.TRAINING, PRIVATE_TRAINING):
        name = read_json(folder / "index.json")["corpus"]
        if name is not None:
            return TrainingCorpus(name, folder)
    raise ValueError(f"{paths.TRAINING} and {PRIVATE_TRAINING} hold no corpus: run data-prep")


def read_evaluated() -> list[CorpusSplit]:
    """The corpus splits whose states are compared, in the order of `data_prep.evaluate`."""
    found = list(_indexed(paths.CORPORA, False)) + list(_indexed(PRIVATE_CORPORA, True))
    return [split for _, split in sorted(found, key=lambda pair: pair[0])]


def _indexed(root: Path, private: bool) -> Iterator[tuple[int, CorpusSplit]]:
    for entry in read_json(root / "index.json"):
        yield entry["place"], CorpusSplit(entry["corpus"], entry["split"], private)


def _load(folder: Path) -> "Dataset":
    from datasets import Dataset, disable_caching

    disable_caching()
    return Dataset.load_from_disk(str(folder))
