"""The studies of dialogues in the published size, shortened: tiny models, made dialogues."""

from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from lm_geometry.aggregate.tables import read_aggregated
from lm_geometry.experiments.experiment import Experiment
from lm_geometry.outs.data_prep.model import read_model_source
from lm_geometry.outs.finetune.training_run import read_training_run
from lm_geometry.params.sections import Params
from lm_geometry.studies.definition import read_study
from lm_geometry.studies.figures import against, course
from lm_geometry.studies.numbers.collection import TABLES, Collected
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.section import Section, read_yaml
from lm_geometry.workspace.tree import WORKSPACE
from tests.conftest import TinyModel
from tests.made_dialogues import write_dialogues
from tests.structure import ROOT

STAGES = ["data_prep", "finetune", "embed", "token_sample", "estimate", "aggregate"]
SHORTER = {
    "data_prep.train_sequences": "all",
    "finetune.epochs": 2,
    "finetune.batch_size": 8,
    "finetune.block_tokens": 64,
    "embed.max_length": 64,
    "estimate.n_neighbors": [16],
}
SCORES = {
    "exhaustion_published": "joint_goal_accuracy",
    "overfitting_published": "f1_weighted_without_neutral",
}


@pytest.fixture(scope="module")
def roberta(tiny_models: dict[str, TinyModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RoBERTa's architecture with random weights of width 32."""
    from transformers import RobertaConfig, RobertaForMaskedLM

    from lm_geometry.models.load import load_tokenizer

    tokenizer = load_tokenizer(tiny_models["bert"].source)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=90,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )
    folder = tmp_path_factory.mktemp("roberta")
    torch.manual_seed(0)
    RobertaForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def placed(params: dict[str, Any], overrides: dict[str, Any]) -> None:
    for name, value in overrides.items():
        *sections, last = name.split(".")
        reduce(lambda section, key: section[key], sections, params)[last] = value


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SCORES))
def test_a_shortened_run_has_all_that_its_figures_need(
    name: str,
    project: Path,
    roberta: Path,
    tiny_models: dict[str, TinyModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus = {"exhaustion_published": "multiwoz21", "overfitting_published": "emowoz"}[name]
    own = {"exhaustion_published": roberta, "overfitting_published": tiny_models["bert"].folder}
    data = project.parent / "own-data"
    write_dialogues(data / corpus, dialogues=12)
    monkeypatch.setenv("LM_GEOMETRY_DATA", str(data))
    study = read_study(name, ROOT / "studies")
    first = {key: values[0] for key, values in study.grid.items()}
    local = dict.fromkeys(("data_prep.train",), f"{corpus}-local")
    local |= {"data_prep.evaluate": [f"{corpus}-local"], "model.name": f"file:{own[name]}"}
    overrides = {**study.fixed, **first, **SHORTER, **local}
    params = read_yaml(ROOT / "params.yaml")
    placed(params, overrides)
    write_json(project / "params.yaml", params)  # JSON is YAML
    read: Any = Section.read  # of the repository, where nothing is said
    monkeypatch.setattr(Section, "read", classmethod(lambda cls: read.__func__(cls, project)))
    for stage in STAGES:
        import_module(f"lm_geometry.{stage}.run").run()
    run = read_training_run()
    steps = sorted({score["step"] for score in run.scores})
    scored = {(s["split"], s["step"]) for s in run.scores if s["score"] == SCORES[name]}
    assert scored == {(split, step) for split in ("train", "validation", "test") for step in steps}
    assert len(steps) == 3  # base, and the end of each epoch
    tables = {table: read_aggregated(table) for table in TABLES}
    assert set(tables["means"]["checkpoint"]) == {"base", *map(str, steps[1:])}
    one = Collected(
        Experiment(name, overrides),
        WORKSPACE,
        "c",
        "b",
        Params.of(params),
        read_model_source(),
        tables,
    )
    kinds = {"course": course.course}
    kinds |= {"milestones": against.milestones, "score_correlations": against.score_correlations}
    for figure in study.figures:
        drawn = kinds[figure.kind](figure, study, [one], "measured")
        assert len(str(drawn.chart.to_dict())) > 1000
