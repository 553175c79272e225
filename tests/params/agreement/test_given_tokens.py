"""Corpora of token ids, and scores of others: whether the rest of params.yaml suits them."""

import shutil
from pathlib import Path

from lm_geometry.params.check import check_project
from lm_geometry.workspace.section import read_yaml
from tests.params.test_check import errors_of, project_with
from tests.structure import ROOT

PROMPTS = read_yaml(ROOT / "params.yaml")["data_prep"]["prompts"]
NONE = {"finetune__task": "none", "embed__checkpoints": "all"}


def test_token_ids_are_not_trained_on(tmp_path: Path) -> None:
    errors = errors_of(tmp_path, data_prep__train="trippy-r")
    assert len(errors) == 1
    assert "finetune.task: language_modelling, and trippy-r is a corpus of token ids" in errors[0]
    check_project(project_with(tmp_path, data_prep__train="trippy-r", **NONE))
    check_project(project_with(tmp_path, data_prep__evaluate=["trippy-r"]))  # only measured


def test_no_prompt_is_cut_of_token_ids(tmp_path: Path) -> None:
    prompts = PROMPTS | {"corpus": "trippy-r"}
    (error,) = errors_of(tmp_path, data_prep__prompts=prompts)
    assert "data_prep.prompts.corpus: trippy-r is a corpus of token ids" in error
    check_project(project_with(tmp_path, data_prep__prompts=prompts | {"count": 0}))


def test_token_ids_are_given_no_context(tmp_path: Path) -> None:
    errors = errors_of(tmp_path, data_prep__evaluate=["trippy-r"], data_prep__context=2)
    assert any("data_prep.context: 2, and trippy-r is a corpus of token ids" in e for e in errors)


def test_their_tokenizer_is_known(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "catalogue", tmp_path / "catalogue")
    file = tmp_path / "catalogue" / "corpora.yaml"
    file.write_text(file.read_text().replace("tokenizer: roberta-base", "tokenizer: roberta-bse"))
    errors = errors_of(tmp_path, data_prep__evaluate=["trippy-r"])
    assert len(errors) == 1
    assert "the tokenizer 'roberta-bse' of trippy-r" in errors[0]
    assert "roberta-base" in errors[0]  # the nearest right one


def test_scores_of_others_need_their_checkpoints(tmp_path: Path) -> None:
    there = f"file:{tmp_path}"
    (error,) = errors_of(tmp_path, finetune__recorded_scores=[there], **NONE)
    assert f"finetune.recorded_scores: {[there]} are of checkpoints that others" in error
    series = {"model__checkpoints": ["file:/runs/checkpoint-5"], **NONE}
    check_project(project_with(tmp_path, finetune__recorded_scores=[there], **series))
    errors = errors_of(
        tmp_path, finetune__recorded_scores=["results", f"{there}/nowhere"], **series
    )
    assert "'results' is not file:PATH" in errors[0]
    assert f"there is no {tmp_path}/nowhere" in errors[1]
