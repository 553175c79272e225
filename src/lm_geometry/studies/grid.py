"""The experiments of a study, and their names."""

import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project, named
from lm_geometry.studies.definition import Study
from lm_geometry.studies.made_models import models_made
from lm_geometry.workspace.section import ROOT


def experiments(name: str, study: Study, root: Path = ROOT) -> list[Experiment]:
    """Every experiment of a study, in its order; raises ValueError where two share a name.

    A model that the study makes counts by how it is made, before it is in the catalogue and
    afterwards.
    """
    project, found = Project.read(root), {}
    made = [one for one in models_made(name, study, root) if one.entry is None or one.as_asked]
    stand_ins = {one.alias: {"made": [one.first.name, one.step]} for one in made}
    project = replace(project, models=project.models | stand_ins)
    for case, own in (study.cases or {"": {}}).items():
        for values in itertools.product(*study.grid.values()):
            cell = dict(zip(study.grid, values, strict=True))
            last = [key.rpartition(".")[2].replace("_", "-") for key in cell]
            short = map(_short, cell.values())
            parts = [case, *(f"{key}-{value}" for key, value in zip(last, short, strict=True))]
            stem = "-".join([name, *filter(None, parts)])
            if stem in found:
                raise ValueError(f"studies/{name}.yaml: two experiments are named {stem}")
            overrides = study.replaced(study.fixed | own | cell)
            found[stem] = Experiment(named(stem, project.content(overrides)), overrides, case)
    return list(found.values())


def size(study: Study) -> int:
    """How many experiments a study has, with those that make models."""
    combinations = math.prod(len(values) for values in study.grid.values())
    return combinations * max(1, len(study.cases)) + len(study.models)


def _short(value: JsonValue) -> str:
    """A value in a name: `[3, 6]` is `3-6`."""
    items = value if isinstance(value, list) else [value]
    return re.sub(r"[^a-z0-9.]+", "-", "-".join(map(str, items)).lower()).strip("-.") or "none"
