"""Models that a study makes first, and those of them that the catalogue has already."""

import re
from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project, Raw, named
from lm_geometry.studies.definition import Study
from lm_geometry.workspace.section import ROOT

# What decides a checkpoint; that other stages are set otherwise since makes no other model.
DECIDING = ("seed", "model", "data_prep", "finetune")
_NOTE = re.compile(r"after (?P<step>\d+) steps on .*, from (?P<origin>\S+)")


def made_first(name: str, study: Study, root: Path = ROOT) -> dict[str, Experiment]:
    """The experiments whose checkpoints become models of the catalogue, by the model's alias.

    The hash in their names is of what decides the checkpoint.
    """
    project, found = Project.read(root), {}
    for alias, kept in study.models.items():
        overrides = study.replaced(kept.overrides)
        content = project.content(overrides, DECIDING)
        found[alias] = Experiment(named(f"{name}-{alias}", content), overrides)
    return found


def stand_ins(name: str, study: Study, root: Path = ROOT) -> Raw:
    """What stands for the entries of a study's models, be they in the catalogue already or not."""
    models, found = Project.read(root).models, {}
    for alias, first in made_first(name, study, root).items():
        made = (study.models[alias].step, first.name)
        if alias not in models or _origin(models[alias]) == made:
            found[alias] = {"made": made}
    return found


def taken_as_they_are(name: str, study: Study, root: Path = ROOT) -> dict[str, str]:
    """Of the models that a study makes, those that the catalogue has, with their notes.

    An entry of other sources, or kept from an experiment of the user's, is the user's own choice.
    Raises ValueError for one that this study made with another step or other parameters.
    """
    models, wrong, found = Project.read(root).models, [], {}
    for alias, first in made_first(name, study, root).items():
        if alias not in models:
            continue
        found[alias] = models[alias].get("note", "")
        step, origin = _origin(models[alias])
        asked = study.models[alias].step
        if _stem(origin) == _stem(first.name) and (step, origin) != (asked, first.name):
            wrong.append(f"  {alias}: step {step} of {origin}, not step {asked} of {first.name}")
    if wrong:
        listed = "\n".join(wrong)
        raise ValueError(
            "these models are in catalogue/models.yaml, and are not what the study would make:\n"
            f"{listed}\nto make one anew, `dvc remove --outs models/NAME.dvc` and take its entry "
            "away; or name it otherwise in the study"
        )
    return found


def _origin(entry: Raw) -> tuple[int, str]:
    """Step and experiment of an entry that `lm-geometry keep` made."""
    note = _NOTE.search(entry.get("note", "")) if entry["source"].startswith("kept:") else None
    return (int(note["step"]), note["origin"]) if note else (0, "")


def _stem(name: str) -> str:
    return name.rpartition("-")[0]
