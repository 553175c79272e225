"""The experiments of a study, and their names."""

import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.made_models import DECIDING, stand_ins
from lm_geometry.experiments.project import Project
from lm_geometry.studies.definition import Study
from lm_geometry.workspace.hashes import value_hash
from lm_geometry.workspace.section import ROOT

DIGITS = 6  # of the hash that ends a name


def experiments(name: str, study: Study, root: Path = ROOT) -> list[Experiment]:
    """Every experiment of a study, in its order; raises ValueError where two share a name.

    A name ends in a hash of all that the result depends on, the code apart, so that an experiment
    of that name is the one that is asked for. A model that the study makes counts by how it is
    made, before it is in the catalogue and afterwards.
    """
    project, made = Project.read(root), made_first(name, study, root)
    steps = {alias: (first, study.models[alias].step) for alias, first in made.items()}
    project = replace(project, models=project.models | stand_ins(steps, project))
    found = {}
    for case, own in (study.cases or {"": {}}).items():
        for values in itertools.product(*study.grid.values()):
            cell = dict(zip(study.grid, values, strict=True))
            parts = [case, *(f"{_last(key)}-{_short(value)}" for key, value in cell.items())]
            stem = "-".join([name, *filter(None, parts)])
            if stem in found:
                raise ValueError(f"studies/{name}.yaml: two experiments are named {stem}")
            overrides = study.replaced(study.fixed | own | cell)
            content = project.content(overrides)
            found[stem] = Experiment(f"{stem}-{value_hash(content)[:DIGITS]}", overrides, case)
    return list(found.values())


def made_first(name: str, study: Study, root: Path = ROOT) -> dict[str, Experiment]:
    """The experiments whose checkpoints become models of the catalogue, by the model's alias.

    The hash in their names is of what decides the checkpoint.
    """
    project, found = Project.read(root), {}
    for alias, kept in study.models.items():
        overrides = study.replaced(kept.overrides)
        content = value_hash(project.content(overrides, DECIDING))
        found[alias] = Experiment(f"{name}-{alias}-{content[:DIGITS]}", overrides)
    return found


def size(study: Study) -> int:
    """How many experiments a study has, with those that make models."""
    combinations = math.prod(len(values) for values in study.grid.values())
    return combinations * max(1, len(study.cases)) + len(study.models)


def _last(key: str) -> str:
    return key.rpartition(".")[2].replace("_", "-")


def _short(value: JsonValue) -> str:
    """A value in a name: `[3, 6]` is `3-6`."""
    items = value if isinstance(value, list) else [value]
    return re.sub(r"[^a-z0-9.]+", "-", "-".join(map(str, items)).lower()).strip("-.") or "none"
