"""An experiment that exists is what a study asks for while nothing that it read was edited."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lm_geometry.experiments.existing import difference
from lm_geometry.experiments.experiment import Experiment
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT
from tests.toy_run import commit, git

PROMPTS = {"corpus": "news", "count": 4, "tokenizers": ["minilm"]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose commit stands for an experiment with prompts of other texts."""
    shutil.copytree(ROOT / "catalogue", tmp_path / "catalogue")
    params = read_yaml(ROOT / "params.yaml")
    params["data_prep"]["prompts"] |= PROMPTS
    write(tmp_path / "params.yaml", params)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "test")
    git(tmp_path, "config", "user.email", "test@localhost")
    commit(tmp_path, "the experiment")
    return tmp_path


def write(path: Path, value: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(value, file)


@pytest.mark.parametrize(
    ("name", "entry", "read"),
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
def test_an_edited_entry_differs_where_it_was_read(
    project: Path, name: str, entry: str, read: bool
) -> None:
    file = f"catalogue/{name}.yaml"
    assert difference(Experiment("s", {}), "HEAD", project) == ""
    catalogue = read_yaml(project / file)
    catalogue[entry]["label"] = "edited"
    write(project / file, catalogue)
    expected = f"{file}: {entry}" if read else ""
    assert difference(Experiment("s", {}), "HEAD", project) == expected


def test_without_prompts_their_corpus_and_tokenizers_are_not_read(project: Path) -> None:
    none = read_yaml(project / "params.yaml")
    none["data_prep"]["prompts"]["count"] = 0
    write(project / "params.yaml", none)
    commit(project, "without prompts")
    for file, entry in (("corpora", "news"), ("models", "minilm")):
        catalogue = read_yaml(project / "catalogue" / f"{file}.yaml")
        catalogue[entry]["label"] = "edited"
        write(project / "catalogue" / f"{file}.yaml", catalogue)
    assert difference(Experiment("s", {}), "HEAD", project) == ""


def test_where_an_entry_is_from_makes_no_other_experiment_of_it(project: Path) -> None:
    """The note of a kept model names the commit it was kept from: another in every clone."""
    file = project / "catalogue" / "models.yaml"
    catalogue = read_yaml(file)
    catalogue["smollm2"]["note"] = "kept from another commit"
    write(file, catalogue)
    assert difference(Experiment("s", {}), "HEAD", project) == ""
