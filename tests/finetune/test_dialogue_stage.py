"""The finetune stage on dialogues: slots of the corpus's ontology, and its test split."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.finetune import run as training_run
from lm_geometry.outs.data_prep.corpora import CorpusSplit, TrainingCorpus, write_training
from lm_geometry.outs.finetune.training_run import read_training_run
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json
from tests.conftest import TinyModel
from tests.finetune.test_dialogue_state import NOWHERE, ONTOLOGY, dialogue, settings_of

PARTS = {
    "train": dialogue("a", [0, 1, 2, 3, 4]),
    "validation": dialogue("b", [0, 2, 3, 1]),
    "test": dialogue("c", [1]),
}


def prepare(*names: str) -> None:
    splits = {name: CorpusSplit("dialogues", name) for name in names}
    for name, split in splits.items():
        save(Dataset.from_dict(PARTS[name]), split.folder(paths.TRAINING))
    write_training(TrainingCorpus("dialogues", splits, ontology={"sea-depth": [], **ONTOLOGY}))


def test_a_run_is_scored_on_every_split_that_is_asked_for(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    prepare("train", "validation", "test")
    run = training_run.train(tiny_models["bert"].source, settings_of(score=["test", "validation"]))
    assert run == read_training_run()
    scores: dict[tuple[str, int, str], Any] = {
        (score["split"], score["step"], score["score"]): score["value"] for score in run.scores
    }
    assert {split for split, _, _ in scores} == {"validation", "test"}
    assert {step for _, step, _ in scores} == {0, 2, 4}
    assert scores["test", 4, "oracle_joint_goal"] == 1
    config = read_json(paths.CHECKPOINTS / "4" / "config.json")
    assert len(config["id2label"]) == 5 * (10 + 5)
    assert config["id2label"]["0"] == "sea-depth: none"
    rows = read_json(paths.PLOTS / "training.json")
    losses = {(row["curve"], row["step"]): row["value"] for row in rows if row["measure"] == "loss"}
    assert {curve for curve, _ in losses} == {"training", "validation", "test"}
    assert losses["test", 4] == scores["test", 4, "loss"]


def test_a_split_that_the_corpus_lacks_is_named_before_anything_is_loaded(project: Path) -> None:
    prepare("train", "validation")
    told = r"finetune\.score: test, and the corpus of data_prep\.train has the splits train, valid"
    with pytest.raises(ValueError, match=told):
        training_run.train(NOWHERE, settings_of(score=["test", "validation"]))
