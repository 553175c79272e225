"""Models that a study would make first, and that the catalogue has already."""

import re
from collections.abc import Mapping
from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project, Raw, differing
from lm_geometry.revisions.programs import git
from lm_geometry.workspace.section import ROOT

Made = Mapping[str, tuple[Experiment, int]]  # by alias the experiment, and its step
# What decides a checkpoint; that other stages are set otherwise since makes no other model.
DECIDING = ("seed", "model", "data_prep", "finetune")
_NOTE = re.compile(r"after (?P<step>\d+) steps on .*, from (?P<origin>\S+)$")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def stand_ins(made: Made, project: Project) -> Raw:
    """What stands for the entries of a study's models, be they in the catalogue already or not."""
    return {
        alias: {"made": first.name, "step": step}
        for alias, (first, step) in made.items()
        if alias not in project.models or _kept(project.models[alias], first)
    }


def taken_as_they_are(made: Made, root: Path = ROOT) -> dict[str, str]:
    """Of the models that a study makes, those that the catalogue has, with their notes.

    Raises ValueError for an entry that was kept at another step, or from an experiment whose model
    was trained otherwise, as far as git has it.
    """
    project = Project.read(root)
    found = {alias: project.models[alias] for alias in made if alias in project.models}
    others = {alias: _other(entry, *made[alias], project, root) for alias, entry in found.items()}
    if wrong := [f"  {alias}: other {other}" for alias, other in others.items() if other]:
        listed = "\n".join(wrong)
        raise ValueError(
            "these models are in catalogue/models.yaml, and are not what the study would make:\n"
            f"{listed}\nto make one anew, `dvc remove --outs models/NAME.dvc` and take its entry "
            "away; or name it otherwise in the study"
        )
    return {alias: entry.get("note", "") for alias, entry in found.items()}


def _kept(entry: Raw, first: Experiment) -> re.Match[str] | None:
    """Of an entry that `lm-geometry keep` made, the step and the commit, or `first` itself.

    None where it is the user's own choice: of other sources, or kept under a name of which nobody
    knows what it was.
    """
    note = _NOTE.search(entry.get("note", "")) if entry["source"].startswith("kept:") else None
    known = note and (note["origin"] == first.name or _COMMIT.fullmatch(note["origin"]))
    return note if known else None


def _other(entry: Raw, first: Experiment, step: int, project: Project, root: Path) -> str:
    """How the entry differs from what the study asks for; empty where nobody knows that it does."""
    note = _kept(entry, first)
    if note is None:
        return ""
    if int(note["step"]) != step:
        return f"step: {note['step']}, not {step}"
    commit = note["origin"]
    if commit == first.name or not git(root, "rev-list", "-1", "--ignore-missing", commit):
        return ""
    then = Project.at(commit, root).content({}, DECIDING)
    return ", ".join(sorted(differing(then, project.content(first.overrides, DECIDING))))
