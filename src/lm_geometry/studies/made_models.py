"""Models that a study makes first, and those of them that the catalogue has already."""

import re
from dataclasses import dataclass
from pathlib import Path

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
