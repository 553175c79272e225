"""On which machine, with which versions and in how much time the experiments of a study ran."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lm_geometry.experiments.machine_facts import facts
from lm_geometry.experiments.outcomes import Outcome
from lm_geometry.studies.definition import RESULTS
from lm_geometry.workspace.files import read_json, write_json

FILE = "runs.json"


def record(name: str, outcomes: Iterable[Outcome], folder: Path = RESULTS) -> None:
    """Add to studies/results/NAME/runs.json how the experiments ran that did not fail.

    Those that were not run again, because they were there, keep what was recorded when they were.
    """
    finished = [one for one in outcomes if not one.failed and one.seconds is not None]
    if not finished:
        return
    here = {} if all(outcome.where for outcome in finished) else facts()
    known = recorded(name, folder)
    for outcome in finished:
        seconds = round(outcome.seconds or 0.0, 1)
        known[outcome.name] = {"seconds": seconds, **(outcome.where or here)}
    write_json(folder / name / FILE, known)


def recorded(name: str, folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """What was recorded, by the name of the experiment; empty where nothing was."""
    path = folder / name / FILE
    return read_json(path) if path.exists() else {}
