"""The experiments of a study: models that it makes first, names that two would share."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from dvc.exceptions import NotDvcRepoError
from ruamel.yaml import YAML

from lm_geometry.experiments.experiment import Experiment, Project
from lm_geometry.experiments.running import InOrder
from lm_geometry.studies.conducting import Conductor
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments, models_made, refuse_others, shared_names
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT

ALIAS = "tiny-more"
OVERRIDES: dict[str, Any] = {"model.name": "minilm", "finetune.seed": 3, "estimate.discard": 0.2}
ENTRY = {"source": f"kept:{ALIAS}", "kind": "encoder", "layers": 6, "width": 384, "label": "more"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with this repository's parameters and catalogue."""
    shutil.copytree(ROOT / "catalogue", tmp_path / "catalogue")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def edit(path: Path, **entries: Any) -> None:
    """Put entries into a YAML file."""
    text = read_yaml(path) | entries
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(text, file)


def kept(project: Path, note: str, **other: str) -> None:
    """Give the catalogue a model with that note."""
    entry = ENTRY | {"licence": "M", "note": note} | other
    edit(project / "catalogue" / "models.yaml", **{ALIAS: entry})


def study(step: int = 5, **overrides: Any) -> Study:
    """One with an experiment on the model that it makes, and one without."""
    asked = OVERRIDES | {key.replace("__", "."): value for key, value in overrides.items()}
    figures = [{"kind": "lines", "title": "T", "panels": ["case"]}]
    fields: dict[str, Any] = {"question": "Q?", "minutes": 1, "figures": figures}
    fields["cases"] = {"with": {"model.name": ALIAS}, "without": {}}
    fields["models"] = {ALIAS: {"step": step, "overrides": asked}}
    return Study.model_validate(fields)


def first(project: Path, **overrides: Any) -> str:
    (made,) = models_made("s", study(**overrides), project)
    return made.first.name


def taken(project: Path, step: int = 5, **overrides: Any) -> list[str]:
    made = models_made("s", study(step, **overrides), project)
    refuse_others(made)
    return [one.alias for one in made if one.entry is not None]


def names(project: Path, step: int = 5) -> list[str]:
    return [one.name for one in experiments("s", study(step), project)]


def test_what_the_study_would_make_is_taken(project: Path) -> None:
    assert taken(project) == []  # the catalogue has none of that name
    kept(project, f"minilm after 5 steps on a, from {first(project)}")
    assert taken(project) == [ALIAS]
    assert taken(project, estimate__discard=0.3) == [ALIAS]  # which changes no model


def test_what_was_made_otherwise_is_refused(project: Path) -> None:
    made = first(project)
    kept(project, f"minilm after 5 steps on a, from {made}")
    other = first(project, finetune__seed=4)
    with pytest.raises(ValueError, match=f"tiny-more: step 5 of {made}, not step 5 of {other}\n"):
        taken(project, finetune__seed=4)
    with pytest.raises(ValueError, match=f"step 5 of {made}, not step 10 of {made}\nto make one"):
        taken(project, step=10)
    corpora = project / "catalogue" / "corpora.yaml"
    edit(corpora, **{"early-speeches": read_yaml(corpora)["news"]})
    with pytest.raises(ValueError, match="are not what the study would make"):
        taken(project)


@pytest.mark.parametrize(
    ("note", "source"),
    [
        ("minilm after 9 steps on a, from s-tiny-more-000000", "hub:o/n"),
        (f"minilm after 5 steps on a, from {'0' * 40}", f"kept:{ALIAS}"),
        ("minilm after 9 steps on a, from the workspace", f"kept:{ALIAS}"),
        ("minilm after 9 steps on a, from another-experiment", f"kept:{ALIAS}"),
        ("", f"kept:{ALIAS}"),
    ],
)
def test_what_is_not_of_the_study_is_the_users_choice(
    project: Path, note: str, source: str
) -> None:
    before = names(project)
    kept(project, note, source=source)
    assert taken(project, finetune__seed=4) == [ALIAS]
    assert names(project)[0] != before[0]  # by its own entry
    assert names(project)[1] == before[1]


def test_a_model_counts_by_how_it_is_made_before_it_is_and_afterwards(project: Path) -> None:
    with_it, without = names(project)
    kept(project, f"minilm after 5 steps on a, from {first(project)}")
    assert names(project) == [with_it, without]
    assert names(project, step=6)[0] != with_it
    params = read_yaml(project / "params.yaml")
    params["finetune"]["learning_rate"] = 0.5
    edit(project / "params.yaml", **params)
    assert not {with_it, without} & set(names(project))


def test_a_study_says_what_it_takes_and_stops_before_anything_runs(project: Path) -> None:
    note = f"minilm after 5 steps on a, from {first(project)}"
    kept(project, note)
    said: list[str] = []

    def conduct(step: int) -> None:
        runner, asked = InOrder(project / "logs", project), study(step)
        Conductor("s", asked, runner, project / "logs", root=project, say=said.append).conduct([])

    with pytest.raises(ValueError, match="not what the study would make"):
        conduct(step=6)
    assert said == []
    with pytest.raises(NotDvcRepoError):  # where it asks next what runs
        conduct(step=5)
    assert said[0] == f"model tiny-more: taken as it is in the catalogue: {note}"


def test_models_and_corpora_of_one_name_are_an_error() -> None:
    read = Project.read(ROOT)
    overrides = [
        {"model.name": "file:/a/model", "data_prep.train": "file:/a/news.jsonl"},
        {"model.name": "file:/b/Model", "data_prep.train": "news"},
        {"model.name": "gpt2", "data_prep.train": "file:/a/news.jsonl"},
    ]
    found = [Experiment(f"e-{i}", own) for i, own in enumerate(overrides)]
    told = shared_names(found, read)
    assert told[0].startswith("the models file:/a/model and file:/b/Model would all be named model")
    assert told[1].startswith("the corpora file:/a/news.jsonl and news would all be named news")
    assert len(told) == 2
    assert shared_names(found[:1], read) == []
