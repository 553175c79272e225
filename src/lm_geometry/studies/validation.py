"""Every override of a study is checked before anything runs."""

import tempfile
from pathlib import Path
from typing import Any

from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from lm_geometry.params.check import ParamsError, check
from lm_geometry.params.explain import nearest
from lm_geometry.params.section import ROOT, read_yaml
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import Experiment, experiments, made_first, written


def check_study(name: str, study: Study, root: Path = ROOT) -> list[Experiment]:
    """The experiments of a study; raises ValueError with every wrong override of each.

    Models that the study makes itself count as known, with the facts of what they start from.
    """
    first = made_first(name, study)
    found = experiments(name, study)
    starts = {alias: one.overrides.get("model.name") for alias, one in first.items()}
    errors: dict[str, None] = {}
    for experiment in [*first.values(), *found]:
        errors |= dict.fromkeys(_errors(experiment, starts, root))
    if errors:
        raise ValueError(f"studies/{name}.yaml: nothing was run\n" + "\n".join(errors))
    return found


def params_of(experiment: Experiment, root: Path = ROOT) -> dict[str, Any]:
    """params.yaml as DVC will write it for an experiment."""
    with tempfile.TemporaryDirectory() as name:
        return read_yaml(_overridden(experiment, root, Path(name)))


def _errors(experiment: Experiment, starts: dict[str, Any], root: Path) -> list[str]:
    there = _flat(read_yaml(root / "params.yaml"))
    unknown = [key for key in experiment.overrides if key not in there]
    if unknown:
        return [f"{key}: unknown parameter{nearest(key, sorted(there))}" for key in unknown]
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for entry in root.iterdir():
            if entry.name not in ("params.yaml", "catalogue"):
                (copy / entry.name).symlink_to(entry)
        _overridden(experiment, root, copy)
        _catalogue(root, copy, starts)
        try:
            check(copy)
        except ParamsError as error:
            return [f"{experiment.name}: {line}" for line in str(error).splitlines()]
    return []


def _overridden(experiment: Experiment, root: Path, folder: Path) -> Path:
    path = folder / "params.yaml"
    path.write_bytes((root / "params.yaml").read_bytes())
    if experiment.overrides:
        lines = [f"{key}={written(value)}" for key, value in experiment.overrides.items()]
        apply_overrides(path, lines)
    return path


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
