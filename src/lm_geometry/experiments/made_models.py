"""Models that a study would make first, and that the catalogue has already."""

import re
import subprocess
from pathlib import Path

from lm_geometry.experiments.existing import difference
from lm_geometry.experiments.experiment import Experiment
from lm_geometry.models.catalogue import ModelEntry, read_models
from lm_geometry.workspace.section import ROOT

KEPT = "kept:"
# What decides a checkpoint; that other stages are set otherwise since makes no other model.
DECIDING = ("seed", "model", "data_prep", "finetune")
_NOTE = re.compile(r"after (?P<step>\d+) steps on .*, from (?P<commit>[0-9a-f]{40})")


def taken_as_they_are(
    made: dict[str, tuple[Experiment, int]], root: Path = ROOT
) -> dict[str, ModelEntry]:
    """Of the models that a study makes, those that the catalogue has, with their entries.

    `made` has by alias the experiment and its step. Raises ValueError for an entry that was kept
    at another step, or from an experiment whose model was trained otherwise, as far as git has it.
    """
    catalogue = read_models(root)
    found = {alias: catalogue[alias] for alias in made if alias in catalogue}
    wrong = []
    for alias, entry in found.items():
        if other := _other(entry, *made[alias], root):
            wrong.append(f"  {alias}: other {other}")
    if wrong:
        listed = "\n".join(wrong)
        raise ValueError(
            "these models are in catalogue/models.yaml, and are not what the study would make:\n"
            f"{listed}\nto make one anew, `dvc remove --outs models/NAME.dvc` and take its entry "
            "away; or name it otherwise in the study"
        )
    return found


def _other(entry: ModelEntry, experiment: Experiment, step: int, root: Path) -> str:
    """How the entry differs from what the study asks for; empty where it does not, or none knows.

    An entry of other sources, or kept under a name that may mean another commit today, is the
    user's own choice.
    """
    note = _NOTE.search(entry.note)
    if not entry.source.startswith(KEPT) or note is None:
        return ""
    if int(note["step"]) != step:
        return f"step: {note['step']}, not {step}"
    if not _is_there(note["commit"], root):
        return ""
    return difference(experiment, note["commit"], root, DECIDING)


def _is_there(commit: str, root: Path) -> bool:
    asked = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(asked, cwd=root, capture_output=True).returncode == 0
