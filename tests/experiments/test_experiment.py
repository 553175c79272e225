"""What a run depends on, as three mappings: as DVC overrides them, and what of them is read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.experiments.experiment import Project, written
from lm_geometry.studies.definition import read_study, study_names
from lm_geometry.studies.grid import experiments, models_made
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT

PROMPTS = {"corpus": "news", "count": 4, "tokenizers": ["minilm"]}
PROJECT = Project.read()


@pytest.mark.parametrize("name", study_names())
def test_overrides_make_what_dvc_makes_of_them(name: str, tmp_path: Path) -> None:
    from dvc.utils.hydra import apply_overrides

    study = read_study(name)
    found = experiments(name, study)
    first = [made.first for made in models_made(name, study)]
    for one in [*first, found[0], found[-1]]:
        (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
        apply_overrides(tmp_path / "params.yaml", one.command()[6::2])
        assert PROJECT.params_of(one.overrides) == read_yaml(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("finetune.lora", {"rank": 4}),  # of a section, whose other values stay
        ("finetune.lora.layers", [1, 2]),
        ("data_prep.sequences", "all"),
        ("finetune.epochs", None),
    ],
)
def test_a_section_is_merged_and_all_else_replaced_as_dvc_does(
    key: str, value: Any, tmp_path: Path
) -> None:
    from dvc.utils.hydra import apply_overrides

    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    apply_overrides(tmp_path / "params.yaml", [f"{key}={written(value)}"])
    assert PROJECT.params_of({key: value}) == read_yaml(tmp_path / "params.yaml")
    assert PROJECT.params == read_yaml(ROOT / "params.yaml")  # which nothing was written into


def edited(kind: str, entry: str, **fields: str) -> Project:
    entries = getattr(PROJECT, kind)
    return replace(PROJECT, **{kind: entries | {entry: entries[entry] | fields}})


@pytest.mark.parametrize(
    ("kind", "entry", "read"),
    [
        ("corpora", "early-speeches", True),
        ("corpora", "encyclopaedia", True),
        ("corpora", "news", True),  # of prompts alone
        ("corpora", "speeches", False),
        ("models", "smollm2", True),
        ("models", "minilm", True),  # a tokenizer of prompts
        ("models", "mpnet", False),
    ],
)
def test_an_edited_entry_decides_where_it_is_read(kind: str, entry: str, read: bool) -> None:
    overrides: Any = {f"data_prep.prompts.{key}": value for key, value in PROMPTS.items()}
    then, now = PROJECT.content(overrides), edited(kind, entry, label="edited").content(overrides)
    assert (then != now) == read


def test_without_prompts_their_corpus_and_tokenizers_decide_nothing() -> None:
    none: Any = {f"data_prep.prompts.{key}": value for key, value in PROMPTS.items()}
    none["data_prep.prompts.count"] = 0
    for kind, entry in (("corpora", "news"), ("models", "minilm")):
        assert edited(kind, entry, label="edited").content(none) == PROJECT.content(none)


def test_where_an_entry_is_from_decides_nothing() -> None:
    """The note of a kept model names the commit it was kept from: another in every clone."""
    assert edited("models", "smollm2", note="from elsewhere").content({}) == PROJECT.content({})


def test_of_sections_only_these_decide() -> None:
    other: Any = {"estimate.discard": 0.2}
    assert PROJECT.content(other) != PROJECT.content({})
    sections = ["model", "finetune"]
    assert PROJECT.content(other, sections) == PROJECT.content({}, sections)
