"""The experiments of a study, named and checked before anything runs, and the models made first."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from lm_geometry.experiments.experiment import Experiment, Project, Raw, named, names_in
from lm_geometry.params.check import ParamsError, check
from lm_geometry.params.explain import nearest
from lm_geometry.studies.definition import Study
from lm_geometry.workspace.paths import corpus_names, name_of
from lm_geometry.workspace.section import ROOT

# What decides a checkpoint; that other stages are set otherwise since makes no other model.
DECIDING = ("seed", "model", "data_prep", "finetune")
_NOTE = re.compile(r"after (?P<step>\d+) steps on .*, from (?P<origin>\S+)")


@dataclass(frozen=True)
class Made:
    """A model that a study makes at a step of an experiment, and its entry in the catalogue."""

    alias: str
    first: Experiment
    step: int
    entry: Raw | None

    @property
    def origin(self) -> tuple[int, str]:
        """Step and experiment that an entry was kept from, if `lm-geometry keep` made it."""
        entry = self.entry or {"source": ""}
        note = _NOTE.search(entry.get("note", "")) if entry["source"].startswith("kept:") else None
        return (int(note["step"]), note["origin"]) if note else (0, "")

    @property
    def as_asked(self) -> bool:
        """Whether an entry is what the study would make, as far as its note tells."""
        return self.origin == (self.step, self.first.name)


def check_study(name: str, study: Study, root: Path = ROOT) -> list[Experiment]:
    """The experiments of a study; raises ValueError with every wrong override of each.

    Models that the study makes itself count as known, with the facts of what they start from.
    """
    project, made = Project.read(root), models_made(name, study, root)
    first = [one.first for one in made]
    bases = starts(made, root)
    known = {key: project.models[base] for key, base in bases.items() if base in project.models}
    project = replace(project, models=known | project.models)
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


def models_made(name: str, study: Study, root: Path = ROOT) -> list[Made]:
    """The models of a study; the names of their experiments tell what decides a checkpoint."""
    project, found = Project.read(root), []
    for alias, kept in study.models.items():
        overrides = study.replaced(kept.overrides)
        content = project.content(overrides, DECIDING)
        first = Experiment(named(f"{name}-{alias}", content), overrides)
        found.append(Made(alias, first, kept.step, project.models.get(alias)))
    return found


def starts(models: Iterable[Made], root: Path = ROOT) -> dict[str, str]:
    """What each model of a study is trained on from, by its alias."""
    project = Project.read(root)
    return {one.alias: project.params_of(one.first.overrides)["model"]["name"] for one in models}


def refuse_others(models: list[Made]) -> None:
    """Raises ValueError for models of the catalogue that the study made otherwise.

    An entry of other sources, or kept from an experiment of the user's, is the user's own choice.
    """
    wrong = []
    for one in models:
        (step, origin), stem = one.origin, one.first.name.rpartition("-")[0]
        if origin.rpartition("-")[0] == stem and not one.as_asked:
            asked = f"step {one.step} of {one.first.name}"
            wrong.append(f"  {one.alias}: step {step} of {origin}, not {asked}")
    if wrong:
        listed = "\n".join(wrong)
        raise ValueError(
            "these models are in catalogue/models.yaml, and are not what the study would make:\n"
            f"{listed}\nto make one anew, `dvc remove --outs models/NAME.dvc` and take its entry "
            "away; or name it otherwise in the study"
        )


def _short(value: JsonValue) -> str:
    """A value in a name: `[3, 6]` is `3-6`."""
    items = value if isinstance(value, list) else [value]
    return re.sub(r"[^a-z0-9.]+", "-", "-".join(map(str, items)).lower()).strip("-.") or "none"


def _errors(experiment: Experiment, project: Project, root: Path) -> list[str]:
    there = names_in(project.params)
    if unknown := [key for key in experiment.overrides if key not in there]:
        return [f"{key}: unknown parameter{nearest(key, sorted(there))}" for key in unknown]
    try:
        check(project.params_of(experiment.overrides), project.models, project.corpora, root)
    except ParamsError as error:
        return [f"{experiment.name}: {line}" for line in str(error).splitlines()]
    return []
