"""The data-prep stage: every corpus split that a pipeline run needs, prepared and indexed."""

from typing import Any, Literal

from lm_geometry import machine, paths
from lm_geometry.corpora.preparation import Prepared, prepare, save
from lm_geometry.params.corpora import resolve
from lm_geometry.params.data_prep import DataPrep
from lm_geometry.prepared_corpora import PRIVATE_TRAINING, CorpusSplit, write_indexes
from lm_geometry.sources import SourceError

HELD_OUT = "validation"


def prepare_corpora(settings: DataPrep) -> list[dict[str, Any]]:
    """Counts of every prepared split; the texts are then in data/training and data/corpora.

    The training corpus is prepared twice over: its train split to learn from, and its held-out
    split for the validation curve.
    """
    counts = [
        _training("train", settings.train_sequences, settings),
        _training(HELD_OUT, settings.sequences, settings),
    ]
    evaluated = []
    for name in settings.evaluate:
        for split in settings.splits:
            place = CorpusSplit(paths.name_of(name), split, not resolve(name).redistribute)
            prepared = _prepared(name, split, settings.sequences, settings)
            save(prepared.dataset, place.folder)
            counts.append(_counted("compared", name, split, prepared))
            evaluated.append(place)
    private = not resolve(settings.train).redistribute
    write_indexes(paths.name_of(settings.train), private, evaluated)
    return counts


def _training(split: str, sequences: int | Literal["all"], settings: DataPrep) -> dict[str, Any]:
    private = not resolve(settings.train).redistribute
    prepared = _prepared(settings.train, split, sequences, settings)
    folder = PRIVATE_TRAINING if private else paths.TRAINING
    save(prepared.dataset, folder / split)
    return _counted("training", settings.train, split, prepared)


def _prepared(
    name: str, split: str, sequences: int | Literal["all"], settings: DataPrep
) -> Prepared:
    try:
        return prepare(name, resolve(name), split, sequences, settings, machine.downloads())
    except SourceError as error:
        raise SystemExit(str(error)) from None


def _counted(use: str, name: str, split: str, prepared: Prepared) -> dict[str, Any]:
    keys = {"use": use, "corpus": paths.name_of(name), "split": split}
    print(f"{use}: {name} {split}: {prepared.counts}", flush=True)
    counted = dict(prepared.counts)
    return keys | {"in_split": counted.pop("split")} | counted
