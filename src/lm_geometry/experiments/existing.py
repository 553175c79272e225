"""Experiments that exist already, and whether they are what the study asks for."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.overrides import params_of
from lm_geometry.workspace.section import ROOT, read_yaml


@dataclass(frozen=True)
class Existing:
    """An experiment in git: its commit, the commit it started from, and how it differs."""

    name: str
    commit: str
    baseline: str
    differs: str
    older: bool  # it differs in code alone

    @property
    def same(self) -> bool:
        """Whether its parameters, code and sources are those of the study and this tree."""
        return not self.differs


def existing(experiment: Experiment, root: Path = ROOT) -> list[Existing]:
    """Every experiment of that name, those that started from HEAD first."""
    found = []
    head = git(root, "rev-parse", "HEAD").strip()
    for baseline, commit in there(experiment.name, root).items():
        differs = difference(experiment, commit, root)
        code = _changed_code(root, commit) if not differs else []
        told = differs or ("code: " + ", ".join(code) if code else "")
        found.append(Existing(experiment.name, commit, baseline, told, bool(code)))
    return sorted(found, key=lambda one: one.baseline != head)


def there(name: str, root: Path = ROOT) -> dict[str, str]:
    """The commits of the experiments of that name, each by the commit it started from."""
    found = {}
    listed = git(root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")
    for line in listed.splitlines():
        reference, _, commit = line.partition(" ")
        parts = reference.split("/")  # refs/exps/ab/cdef…/name
        if len(parts) == 5 and parts[4] == name:
            found[parts[2] + parts[3]] = commit
    return found


def remove(name: str, root: Path = ROOT) -> None:
    """Take an experiment out of git; its results stay in DVC's cache."""
    command = [sys.executable, "-m", "dvc", "exp", "remove", "--quiet", name]
    subprocess.run(command, cwd=root, check=True)


def same(experiment: Experiment, root: Path = ROOT) -> Existing | None:
    """The experiment of that name that need not be run again, if there is one."""
    return next((one for one in existing(experiment, root) if one.same), None)


def older(experiment: Experiment, root: Path = ROOT) -> Existing | None:
    """The newest experiment of that name with the same parameters, and other code, if any."""
    found = [one for one in existing(experiment, root) if one.older]
    dates = {one.commit: int(git(root, "log", "-1", "--format=%ct", one.commit)) for one in found}
    return max(found, key=lambda one: dates[one.commit], default=None)


def in_the_way(experiment: Experiment, root: Path = ROOT) -> Existing | None:
    """An experiment of that name and of HEAD whose parameters or code are others, if any."""
    head = git(root, "rev-parse", "HEAD").strip()
    found = existing(experiment, root)
    return next((one for one in found if one.baseline == head and not one.same), None)


def difference(
    experiment: Experiment, commit: str, root: Path, sections: Sequence[str] | None = None
) -> str:
    """What an experiment was run with that is not so now, its code apart; empty: nothing is.

    With `sections` only these of params.yaml are compared.
    """
    wanted, had = params_of(experiment, root), _yaml(root, commit, "params.yaml")
    if sections is not None:
        wanted, had = ({key: of.get(key) for key in sections} for of in (wanted, had))
    if had != wanted:
        return "parameters: " + ", ".join(sorted(_changed(had, wanted)))
    for file, names in _sources(wanted).items():
        now, then = read_yaml(root / file), _yaml(root, commit, file)
        if changed := [n for n in names if _read(now.get(n)) != _read(then.get(n))]:
            return f"{file}: " + ", ".join(changed)
    return ""


def _read(entry: dict[str, Any] | None) -> dict[str, Any]:
    """What an experiment takes from an entry of the catalogue; a note says where it is from."""
    return {key: value for key, value in (entry or {}).items() if key != "note"}


def _changed(had: Any, wanted: Any, prefix: str = "") -> set[str]:
    if not (isinstance(had, dict) and isinstance(wanted, dict)):
        return set() if had == wanted else {prefix.rstrip(".")}
    keys = had.keys() | wanted.keys()
    return {n for key in keys for n in _changed(had.get(key), wanted.get(key), f"{prefix}{key}.")}


def _changed_code(root: Path, commit: str) -> list[str]:
    """Files of the stages that are not as in `commit`."""
    stages = read_yaml(root / "dvc.yaml")["stages"].values()
    deps = {dep for stage in stages for dep in stage["deps"] if dep.startswith(("src/", "stages/"))}
    return git(root, "diff", "--name-only", commit, "--", "dvc.yaml", *sorted(deps)).split()


def _sources(params: dict[str, Any]) -> dict[str, list[str]]:
    """The names in each file of the catalogue whose entries an experiment reads."""
    data = params.get("data_prep", {})
    prompts = data.get("prompts", {"count": 0})
    models = [params.get("model", {}).get("name")]
    corpora = [data.get("train"), *data.get("evaluate", [])]
    if prompts["count"] != 0:  # else nothing of them is read
        models += prompts["tokenizers"]
        corpora.append(prompts["corpus"])
    return {
        "catalogue/models.yaml": list(dict.fromkeys(models)),
        "catalogue/corpora.yaml": list(dict.fromkeys(corpora)),
    }


def _yaml(root: Path, commit: str, path: str) -> Any:
    return YAML(typ="safe").load(git(root, "show", f"{commit}:{path}"))


def git(root: Path, *arguments: str) -> str:
    """What a git command printed; raises ValueError with git's words where it failed."""
    ran = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise ValueError(f"git {arguments[0]} failed: {ran.stderr.strip()}")
    return ran.stdout
