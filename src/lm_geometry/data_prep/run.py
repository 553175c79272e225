"""The data-prep stage: corpora, prompts, and what the model's name stands for."""

import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lm_geometry.data_prep.corpora.catalogue import resolve
from lm_geometry.data_prep.corpora.equations import prepared_equations
from lm_geometry.data_prep.corpora.preparation import Prepared, prepare, save
from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import resolve as resolve_model
from lm_geometry.data_prep.params import DataPrep, Model
from lm_geometry.data_prep.prompts.run import prepare_prompts
from lm_geometry.data_prep.series import resolve_series
from lm_geometry.data_prep.series_checks import check_steps
from lm_geometry.models.facts import NotReadError
from lm_geometry.models.sources import SourceError
from lm_geometry.outs.data_prep.corpora import (
    CorpusSplit,
    EvaluatedCorpora,
    TrainingCorpus,
    write_evaluated,
    write_training,
)
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.seeds import read_seed
from lm_geometry.workspace.tables import Row

if TYPE_CHECKING:
    from datasets import Dataset

Number = int | Literal["all"]
Wanted = tuple[Path, str, str, Number]  # folder, corpus, split, sequences


def run() -> None:
    """Write data/training, data/corpora, data/prompts and data/model.json, as params.yaml says."""
    model, settings = Model.read(), DataPrep.read()
    try:
        source = resolve_model(model, read_seed())
        # Before anything is downloaded.
        later = resolve_series(model.checkpoints, source.source, model.added_steps)
        source = checked(source)
        check_steps(source, later)
    except NotReadError as error:
        raise SystemExit(str(error)) from None
    source = replace(source, series=[asdict(step) for step in later])
    counts = prepare_corpora(settings)
    prepare_prompts(settings.prompts, settings, model, source.longest)
    write_json(paths.CORPORA / "counts.json", counts)
    write_json(paths.MODEL, source.record())


def prepare_corpora(settings: DataPrep) -> list[Row]:
    """Counts of every prepared split; the texts are then in data/training and data/corpora.

    Of the training corpus the train split is prepared to learn from, and the held-out split for
    the validation curve.
    """
    wanted: list[Wanted] = [
        (paths.TRAINING, settings.train, "train", settings.train_sequences),
        (paths.TRAINING, settings.train, "validation", settings.sequences),
    ]
    for name in settings.evaluate:
        for split in settings.splits:
            wanted.append((paths.CORPORA, name, split, settings.sequences))
    counts, names = [], paths.corpus_names(settings.model_dump())
    places: dict[Path, list[CorpusSplit]] = {paths.TRAINING: [], paths.CORPORA: []}
    equations = settings.equations if _are_equations(settings.train) else None
    made = prepared_equations(equations) if equations else {}
    for root, name, split, sequences in wanted:
        prepared = made[split] if made else _prepared(name, split, sequences, settings)
        place = _saved(prepared.dataset, root, name, CorpusSplit(names[name], split))
        print(f"{root.name}: {name} {split}: {prepared.counts}", flush=True)
        keys = {"use": root.name, "corpus": place.corpus, "split": split}
        chosen = {"in_split" if key == "split" else key: n for key, n in prepared.counts.items()}
        counts.append({**keys, **chosen})
        places[root].append(place)
    learned = {place.split: place for place in places[paths.TRAINING]}
    write_training(TrainingCorpus(paths.name_of(settings.train), learned, equations))
    write_evaluated(EvaluatedCorpora(places[paths.CORPORA], settings.order))
    return counts


def _are_equations(name: str) -> bool:
    return resolve(name).reader == "equations"


def _prepared(name: str, split: str, sequences: Number, settings: DataPrep) -> Prepared:
    try:
        return prepare(name, resolve(name), split, sequences, settings, machine.downloads())
    except (SourceError, ValueError) as error:
        raise SystemExit(str(error)) from None


def _saved(dataset: "Dataset", root: Path, name: str, place: CorpusSplit) -> CorpusSplit:
    """The place of a prepared split: below `root`, or by its hash in the machine's own folder."""
    if resolve(name).redistribute:
        save(dataset, place.folder(root))
        return place
    store = machine.private_texts()
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store, suffix=".tmp") as temporary:
        folder = Path(temporary) / place.split
        save(dataset, folder)
        place = replace(place, private=path_hash(folder))
        if place.folder().exists() and path_hash(place.folder()) != place.private:
            shutil.rmtree(place.folder())  # damaged since
        if not place.folder().exists():
            folder.replace(place.folder())
    return place
