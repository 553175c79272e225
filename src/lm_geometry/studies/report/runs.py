"""On which machine, with which versions and in how much time the experiments of a study ran."""

from collections.abc import Collection, Iterable
from pathlib import Path

from lm_geometry.experiments.machine_facts import Facts, facts
from lm_geometry.experiments.outcomes import Outcome
from lm_geometry.studies.definition import RESULTS
from lm_geometry.workspace.files import read_json, write_json

FILE = "runs.json"


class Run(Facts):
    """How an experiment ran."""

    seconds: float


def record(name: str, outcomes: Iterable[Outcome], folder: Path = RESULTS) -> None:
    """Add to studies/results/NAME/runs.json how the experiments ran that did not fail.

    Those that were not run again, because they were there, keep what was recorded when they were.
    """
    known, here = recorded(name, folder), None
    for one in outcomes:
        if not one.failed and one.seconds is not None:
            where = one.where or (here := here or facts())
            known[one.name] = {"seconds": round(one.seconds, 1), **where}
            write_json(folder / name / FILE, known)


def keep_only(name: str, experiments: Collection[str], folder: Path = RESULTS) -> None:
    """Forget how experiments ran of which the study's figures are not made."""
    known = recorded(name, folder)
    if not known.keys() <= set(experiments):
        kept = {one: run for one, run in known.items() if one in experiments}
        write_json(folder / name / FILE, kept)


def recorded(name: str, folder: Path = RESULTS) -> dict[str, Run]:
    """What was recorded, by the name of the experiment; empty where nothing was."""
    path = folder / name / FILE
    return read_json(path) if path.exists() else {}
