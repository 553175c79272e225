"""The experiments of a study and their names, and the models that it makes first."""

import itertools
import re
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project, Raw, named
from lm_geometry.studies.definition import Study
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
