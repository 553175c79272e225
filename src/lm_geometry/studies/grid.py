"""The experiments of a study, and their names."""

import itertools
import re
from typing import Any

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.studies.definition import Study


def experiments(name: str, study: Study) -> list[Experiment]:
    """Every experiment of a study, in its order; raises ValueError where two share a name."""
    found = []
    for case, own in (study.cases or {"": {}}).items():
        for values in itertools.product(*study.grid.values()):
            cell = dict(zip(study.grid, values, strict=True))
            parts = [case, *(f"{_last(key)}-{_short(value)}" for key, value in cell.items())]
            full = "-".join([name, *filter(None, parts)])
            found.append(Experiment(full, study.replaced(study.fixed | own | cell), case))
    for one, other in itertools.combinations(found, 2):
        if one.name == other.name:
            raise ValueError(f"studies/{name}.yaml: two experiments are named {one.name}")
    return found


def made_first(name: str, study: Study) -> dict[str, Experiment]:
    """The experiments whose checkpoints become models of the catalogue, by the model's alias."""
    return {
        alias: Experiment(f"{name}-{alias}", study.replaced(kept.overrides))
        for alias, kept in study.models.items()
    }


def _last(key: str) -> str:
    return key.rpartition(".")[2].replace("_", "-")


def _short(value: Any) -> str:
    """A value in a name: `[3, 6]` is `3-6`."""
    items = value if isinstance(value, list) else [value]
    return re.sub(r"[^a-z0-9.]+", "-", "-".join(map(str, items)).lower()).strip("-.") or "none"
