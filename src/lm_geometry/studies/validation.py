"""Every override of a study is checked before anything runs."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project, Raw
from lm_geometry.params.check import ParamsError, check
from lm_geometry.params.explain import nearest
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments, models_made
from lm_geometry.workspace.paths import corpus_names, name_of
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
    if errors := errors or shared_names(found, project):
        told = "\n".join(dict.fromkeys(errors))
        raise ValueError(f"studies/{name}.yaml: nothing was run\n{told}")
    return found


def shared_names(found: Iterable[Experiment], project: Project) -> list[str]:
    """A sentence for each name that stands for more than one model, or corpus, of a study.

    Within one run `names_of` tells corpora apart; those of several runs meet in the study alone.
    """
    meant: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for experiment in found:
        params = project.params_of(experiment.overrides)
        meant["models", name_of(params["model"]["name"])][params["model"]["name"]] = None
        for corpus, name in corpus_names(params["data_prep"]).items():
            meant["corpora", name][corpus] = None
    return [
        f"the {kind} {' and '.join(references)} would all be named {name}: give all but one an "
        f"alias in catalogue/{kind}.yaml, or name the files otherwise"
        for (kind, name), references in meant.items()
        if len(references) > 1
    ]


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
    inner = [_flat(own, f"{prefix}{key}.") for key, own in section.items() if isinstance(own, dict)]
    return {f"{prefix}{key}" for key in section}.union(*inner)
