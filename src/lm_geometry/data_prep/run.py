"""The data-prep stage: corpora, prompts, and what the model's name stands for."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from lm_geometry.data_prep.corpora.catalogue import resolve
from lm_geometry.data_prep.corpora.columns import distinct
from lm_geometry.data_prep.corpora.division import NoSplitError
from lm_geometry.data_prep.corpora.equations import prepared_equations
from lm_geometry.data_prep.corpora.labels import classes_alone
from lm_geometry.data_prep.corpora.ontologies import ontology
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.preparation import (
    NothingLeftError,
    Prepared,
    prepare,
    whole_corpus,
)
from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import moved
from lm_geometry.data_prep.model_names import resolve as resolve_model
from lm_geometry.data_prep.params import DataPrep, Model, is_trained
from lm_geometry.data_prep.prompts.run import prepare_prompts
from lm_geometry.data_prep.series import resolve_series
from lm_geometry.data_prep.series_checks import check_steps
from lm_geometry.models.facts import NotReadError
from lm_geometry.models.sources import SourceError
from lm_geometry.outs.data_prep.corpora import (
    ONTOLOGY,
    CorpusSplit,
    EvaluatedCorpora,
    TrainingCorpus,
    write_evaluated,
    write_training,
)
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.dvc_cache import last_saved
from lm_geometry.workspace.files import make_private, private_folder, write_json
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.seeds import read_seed
from lm_geometry.workspace.tables import Row

Number = int | Literal["all"]
Wanted = tuple[Path, str, str, Number]  # folder, corpus, split, sequences
TEST = "test"


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
    if told := moved(source, last_saved(paths.MODEL)):
        print(f"model.name: {told}", flush=True)
    source = replace(source, series=[asdict(step) for step in later])
    counts = prepare_corpora(settings, is_trained())
    prepare_prompts(settings.prompts, settings, model, source.longest)
    write_json(paths.CORPORA / "counts.json", counts)
    write_json(paths.MODEL, source.record())


def prepare_corpora(settings: DataPrep, trains: bool = True) -> list[Row]:
    """Counts of every prepared split; the texts are then in data/training and data/corpora.

    Where nothing is trained there is no training corpus but its name. Of the training corpus the
    train split is prepared to learn from, the held-out split for the validation curve, and the test
    split, where it has one, for scores of its own.
    """
    wanted = _wanted(settings, trains)
    names = paths.corpus_names(settings.model_dump())
    counts: dict[Path, list[Row]] = {paths.TRAINING: [], paths.CORPORA: []}
    places: dict[Path, list[CorpusSplit]] = {paths.TRAINING: [], paths.CORPORA: []}
    equations = settings.equations if trains and _are_equations(settings.train) else None
    made = prepared_equations(equations) if equations else {}
    listed = {} if made or not trains else _ontology(settings)
    labels: dict[str, list[str]] = {}
    for root, name, split, sequences in wanted:
        prepared = made.get(split) if made else _prepared(root, name, split, sequences, settings)
        if prepared is None:
            continue
        place = CorpusSplit(names[name], split)
        beside = listed if (root, split) == (paths.TRAINING, "train") else {}
        place = _saved(prepared.rows, root, name, place, beside)
        print(f"{root.name}: {name} {split}: {prepared.counts}", flush=True)
        if root == paths.CORPORA and sequences != settings.sequences and not made:
            _tell_fewer(name, prepared, settings)
        keys = {"use": root.name, "corpus": place.corpus, "split": split}
        chosen = {"in_split" if key == "split" else key: n for key, n in prepared.counts.items()}
        counts[root].append({**keys, **chosen})
        places[root].append(place)
        if root == paths.TRAINING and "label" in prepared.rows.column_names:
            labels[split] = distinct(prepared.rows, "label")
    for line in classes_alone(labels):
        print(f"{paths.TRAINING.name}: {settings.train}: {line}", flush=True)
    write_json(paths.TRAINING / "counts.json", counts[paths.TRAINING])
    learned = {place.split: place for place in places[paths.TRAINING]}
    write_training(TrainingCorpus(names[settings.train], learned, equations, listed))
    write_evaluated(EvaluatedCorpora(places[paths.CORPORA], settings.order))
    return [row for rows in counts.values() for row in rows if not _is_test_alone(row)]


def _wanted(settings: DataPrep, trains: bool) -> list[Wanted]:
    learned: list[Wanted] = [
        (paths.TRAINING, settings.train, "train", settings.train_sequences),
        (paths.TRAINING, settings.train, "validation", settings.sequences),
        (paths.TRAINING, settings.train, TEST, settings.sequences),
    ]
    measured: list[Wanted] = [
        (
            paths.CORPORA,
            name,
            split,
            _measured(name, split, settings) if trains else settings.sequences,
        )
        for name in settings.evaluate
        for split in settings.measured_splits(trains)
    ]
    return [*learned, *measured] if trains else measured


def _measured(name: str, split: str, settings: DataPrep) -> Number:
    """How many sequences of an evaluated split are drawn: of the split that is trained on, no more
    than those, of which a smaller draw has the first."""
    asked, trained = settings.sequences, settings.train_sequences
    if (name, split) != (settings.train, "train") or trained == "all":
        return asked
    return trained if asked == "all" else min(asked, trained)


def _tell_fewer(name: str, prepared: Prepared, settings: DataPrep) -> None:
    """Say so where more of the train split would be measured than is trained on."""
    there = prepared.counts.get("studied", prepared.counts["split"])
    trained = settings.train_sequences
    if trained != "all" and there > trained:
        print(
            f"{paths.CORPORA.name}: {name} train: measured on no more than the {trained} of its "
            f"{there} sequences that are trained on (data_prep.train_sequences), though "
            f"data_prep.sequences is {settings.sequences}",
            flush=True,
        )


def _is_test_alone(row: Row) -> bool:
    """Whether a row counts the test split that is scored, and stands in data/training alone."""
    return (row["use"], row["split"]) == (paths.TRAINING.name, TEST)


def _are_equations(name: str) -> bool:
    return resolve(name).reader == "equations"


def _prepared(
    root: Path, name: str, split: str, sequences: Number, settings: DataPrep
) -> Prepared | None:
    """A split of a corpus; None for a test split that nobody asked for and that is not there."""
    try:
        return prepare(name, resolve(name), split, sequences, settings, machine.downloads())
    except (SourceError, ValueError) as error:
        not_there = isinstance(error, NoSplitError | NothingLeftError)
        if root == paths.TRAINING and split == TEST and not_there:
            return None
        raise SystemExit(str(error)) from None


def _ontology(settings: DataPrep) -> dict[str, list[str]]:
    """The slots of the training corpus's states with their values; empty where it has none."""
    entry, downloads = resolve(settings.train), machine.downloads()
    try:
        parts = whole_corpus(settings.train, entry, settings, downloads)
        return ontology(entry, parts.values(), downloads)
    except (SourceError, ValueError) as error:
        raise SystemExit(str(error)) from None


def _saved(
    rows: Part,
    root: Path,
    name: str,
    place: CorpusSplit,
    ontology: Mapping[str, list[str]],
) -> CorpusSplit:
    """The place of a prepared split: below `root`, or by its hash in the machine's own folder.

    An ontology that is not empty goes with private text, beside it.
    """
    if resolve(name).redistribute:
        save(rows, place.folder(root))
        return place
    store = private_folder(machine.private_texts())
    with tempfile.TemporaryDirectory(dir=store, suffix=".tmp") as temporary:
        folder = Path(temporary) / place.split
        save(rows, folder)
        if ontology:
            write_json(folder / ONTOLOGY, ontology)
        place = replace(place, private=path_hash(folder))
        if place.folder().exists() and path_hash(place.folder()) != place.private:
            shutil.rmtree(place.folder())  # damaged since
        if not place.folder().exists():
            make_private(folder)
            folder.replace(place.folder())
    return place
