"""Every override of a study is checked before anything runs."""

from dataclasses import replace
from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project, Raw
from lm_geometry.params.check import ParamsError, check
from lm_geometry.params.explain import nearest
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments
from lm_geometry.studies.made_models import models_made
from lm_geometry.studies.shared_names import shared_names
from lm_geometry.workspace.section import ROOT


def check_study(name: str, study: Study, root: Path = ROOT) -> list[Experiment]:
    """The experiments of a study; raises ValueError with every wrong override of each.

    Models that the study makes itself count as known, with the facts of what they start from.
    """
    project, made = Project.read(root), models_made(name, study, root)
    first = [one.first for one in made]
    bases = {one.alias: project.params_of(one.first.overrides)["model"]["name"] for one in made}
    starts = {key: project.models[base] for key, base in bases.items() if base in project.models}
    project = replace(project, models=starts | project.models)
    found = experiments(name, study, root)
    errors = [line for one in [*first, *found] for line in _errors(one, project, root)]
    if not errors:
        errors = shared_names(found, project)
    if errors:
        told = "\n".join(dict.fromkeys(errors))
        raise ValueError(f"studies/{name}.yaml: nothing was run\n{told}")
    return found


def _errors(experiment: Experiment, project: Project, root: Path) -> list[str]:
    there = _flat(project.params)
    if unknown := [key for key in experiment.overrides if key not in there]:
        return [f"{key}: unknown parameter{nearest(key, sorted(there))}" for key in unknown]
    try:
        check(project.params_of(experiment.overrides), project.models, project.corpora, root)
    except ParamsError as error:
        return [f"{experiment.name}: {line}" for line in str(error).splitlines()]
    return []


def _flat(section: Raw, prefix: str = "") -> set[str]:
    """Every key of params.yaml with its section, inner sections themselves included."""
    names = set()
    for key, value in section.items():
        names.add(f"{prefix}{key}")
        if isinstance(value, dict):
            names |= _flat(value, f"{prefix}{key}.")
    return names
