"""Models that a study would make first, where the catalogue has one of that name."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from dvc.exceptions import NotDvcRepoError
from ruamel.yaml import YAML

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.made_models import taken_as_they_are
from lm_geometry.experiments.running import InOrder
from lm_geometry.studies.conducting import Conductor
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT
from tests.toy_run import commit, git

ALIAS, FIRST = "tiny-more", "s-tiny-more-3f9a1c"
OVERRIDES: dict[str, Any] = {"model.name": "minilm", "finetune.seed": 3, "estimate.discard": 0.2}
ENTRY = {"source": f"kept:{ALIAS}", "kind": "encoder", "layers": 6, "width": 384, "label": "more"}


def edit(path: Path, **entries: Any) -> None:
    """Put entries into a YAML file."""
    text = read_yaml(path) | entries
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(text, file)


def kept(project: Path, note: str, **other: str) -> None:
    """Give the catalogue a model with that note."""
    entry = ENTRY | {"licence": "M", "note": note} | other
    edit(project / "catalogue" / "models.yaml", **{ALIAS: entry})


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, str]:
    """A project, and the commit of what a study ran there to make its model."""
    shutil.copytree(ROOT / "catalogue", tmp_path / "catalogue")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "test")
    git(tmp_path, "config", "user.email", "test@localhost")
    commit(tmp_path, "before")
    params = read_yaml(tmp_path / "params.yaml")
    params["model"]["name"], params["finetune"]["seed"] = "minilm", 3
    edit(tmp_path / "params.yaml", **params)
    commit(tmp_path, "the experiment")
    ran = git(tmp_path, "rev-parse", "HEAD").strip()
    git(tmp_path, "checkout", "--quiet", "HEAD~1")
    return tmp_path, ran


def taken(project: Path, step: int = 5, **overrides: Any) -> list[str]:
    asked = OVERRIDES | {key.replace("__", "."): value for key, value in overrides.items()}
    return list(taken_as_they_are({ALIAS: (Experiment(FIRST, asked), step)}, project))


def test_what_the_study_would_make_is_taken(made: tuple[Path, str]) -> None:
    project, ran = made
    assert taken(project) == []  # the catalogue has none of that name
    for origin in (ran, FIRST):
        kept(project, f"minilm after 5 steps on a, from {origin}")
        assert taken(project) == [ALIAS]  # that estimates are made otherwise changes no model


def test_what_was_made_otherwise_is_refused(made: tuple[Path, str]) -> None:
    project, ran = made
    kept(project, f"minilm after 5 steps on a, from {ran}")
    with pytest.raises(ValueError, match=r"tiny-more: other finetune\.seed\n"):
        taken(project, finetune__seed=4)
    with pytest.raises(ValueError, match="tiny-more: other step: 5, not 10\nto make one anew"):
        taken(project, step=10)
    corpora = project / "catalogue" / "corpora.yaml"
    edit(corpora, **{"early-speeches": read_yaml(corpora)["news"]})
    with pytest.raises(ValueError, match=r"other .*corpora\.early-speeches\.label, "):
        taken(project)


@pytest.mark.parametrize(
    ("note", "source"),
    [
        (f"minilm after 9 steps on a, from {'0' * 40}", "hub:o/n"),
        (f"minilm after 5 steps on a, from {'0' * 40}", f"kept:{ALIAS}"),  # not in git any more
        ("minilm after 9 steps on a, from the workspace", f"kept:{ALIAS}"),
        ("minilm after 9 steps on a, from another-experiment", f"kept:{ALIAS}"),
        ("", f"kept:{ALIAS}"),
    ],
)
def test_what_nobody_can_compare_is_the_users_choice(
    made: tuple[Path, str], note: str, source: str
) -> None:
    kept(made[0], note, source=source)
    assert taken(made[0], finetune__seed=4) == [ALIAS]


def names(project: Path, step: int = 5) -> list[str]:
    """The names of a study's experiments, one with the model that it makes and one without."""
    figures = [{"kind": "lines", "title": "T", "panels": ["case"]}]
    study = {"question": "Q?", "minutes": 1, "figures": figures}
    study["cases"] = {"with": {"model.name": ALIAS}, "without": {}}
    study["models"] = {ALIAS: {"step": step, "overrides": OVERRIDES}}
    return [one.name for one in experiments("s", Study.model_validate(study), project)]


def test_a_model_counts_by_how_it_is_made_before_it_is_and_afterwards(
    made: tuple[Path, str],
) -> None:
    project, ran = made
    with_it, without = names(project)
    kept(project, f"minilm after 5 steps on a, from {ran}")
    assert names(project) == [with_it, without]
    assert names(project, step=6)[0] != with_it
    params = read_yaml(project / "params.yaml")
    params["finetune"]["learning_rate"] = 0.5
    edit(project / "params.yaml", **params)
    assert not {with_it, without} & set(names(project))
    git(project, "checkout", "--quiet", "params.yaml")
    kept(project, "of my own", source="hub:o/n")  # by its own entry
    assert names(project)[0] != with_it
    assert names(project)[1] == without


def test_a_study_says_what_it_takes_and_stops_before_anything_runs(made: tuple[Path, str]) -> None:
    project, ran = made
    note = f"minilm after 5 steps on a, from {ran}"
    kept(project, note)
    figure = {"kind": "lines", "title": "T"}
    study = {"question": "Q?", "minutes": 1, "figures": [figure]}
    said: list[str] = []

    def conduct(step: int) -> None:
        first = {ALIAS: {"step": step, "overrides": OVERRIDES}}
        asked = Study.model_validate(study | {"models": first})
        runner = InOrder(project / "logs", project)
        Conductor("s", asked, runner, project / "logs", root=project, say=said.append).conduct([])

    with pytest.raises(ValueError, match="not what the study would make"):
        conduct(step=6)
    assert said == []
    with pytest.raises(NotDvcRepoError):  # where it asks next what runs
        conduct(step=5)
    assert said[0] == f"model tiny-more: taken as it is in the catalogue: {note}"
