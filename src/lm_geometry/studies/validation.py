"""Every override of a study is checked before anything runs."""

import json
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.overrides import asked, overridden
from lm_geometry.params.check import ParamsError, check
from lm_geometry.params.explain import nearest
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments, made_first
from lm_geometry.studies.shared_names import shared_names
from lm_geometry.workspace.section import ROOT, read_yaml


def check_study(name: str, study: Study, root: Path = ROOT) -> list[Experiment]:
    """The experiments of a study; raises ValueError with every wrong override of each.

    Models that the study makes itself count as known, with the facts of what they start from.
    """
    first = made_first(name, study)
    found = experiments(name, study)
    starts = {alias: one.overrides.get("model.name") for alias, one in first.items()}
    errors: dict[str, None] = {}
    with tempfile.TemporaryDirectory() as name_of_copy:
        copy = _copied(root, Path(name_of_copy), starts)
        for experiment in [*first.values(), *found]:
            errors |= dict.fromkeys(_errors(experiment, root, copy))
    if not errors:
        errors = dict.fromkeys(shared_names(found, root))
    if errors:
        raise ValueError(f"studies/{name}.yaml: nothing was run\n" + "\n".join(errors))
    return found


def _errors(experiment: Experiment, root: Path, copy: Path) -> list[str]:
    """What `check` says of the parameters of an experiment, put into the copy of the project."""
    base, lines = asked(experiment, root)
    there = _flat(json.loads(base))
    unknown = [key for key in experiment.overrides if key not in there]
    if unknown:
        return [f"{key}: unknown parameter{nearest(key, sorted(there))}" for key in unknown]
    (copy / "params.yaml").write_text(overridden(base, lines), encoding="utf-8")
    try:
        check(copy)
    except ParamsError as error:
        return [f"{experiment.name}: {line}" for line in str(error).splitlines()]
    return []


def _copied(root: Path, copy: Path, starts: dict[str, Any]) -> Path:
    """The project, but for params.yaml, and with the models that are still to be made."""
    for entry in root.iterdir():
        if entry.name not in ("params.yaml", "catalogue"):
            (copy / entry.name).symlink_to(entry)
    _catalogue(root, copy, starts)
    return copy


def _catalogue(root: Path, copy: Path, starts: dict[str, Any]) -> None:
    """The catalogue with the models that are still to be made."""
    (copy / "catalogue").mkdir()
    for entry in (root / "catalogue").iterdir():
        if entry.name != "models.yaml":
            (copy / "catalogue" / entry.name).symlink_to(entry)
    models = read_yaml(root / "catalogue" / "models.yaml")
    for alias, start in starts.items():
        if alias not in models and start in models:
            models[alias] = models[start]
    with (copy / "catalogue" / "models.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(models, file)


def _flat(section: dict[str, Any], prefix: str = "") -> set[str]:
    """Every key of params.yaml with its section, inner sections themselves included."""
    names = set()
    for key, value in section.items():
        names.add(f"{prefix}{key}")
        if isinstance(value, dict):
            names |= _flat(value, f"{prefix}{key}.")
    return names
