"""Edited files that the check takes, through the stages: results, and never a traceback."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from lm_geometry.params.check import ParamsError, check_project
from lm_geometry.workspace.section import read_yaml
from tests.campaign.kills.killing import Ended, half_written, run
from tests.campaign.parameters.edits import Edit, at, plausible
from tests.campaign.trials import Outcome, Trial

KIND = "parameter files: the stages"
AT_THE_CHECK = "Nothing was run: the parameters are not valid."
MOST_DRAWS = 200


def trials(
    numbers: Iterable[int],
    seed: int,
    finished: Path,
    environment: Mapping[str, str],
    folder: Path,
) -> Iterator[Trial]:
    """One for each number: `dvc repro` in a copy of a finished project, after an accepted edit."""
    for number in numbers:
        place = folder / str(number)
        shutil.copytree(finished, place, symlinks=True)
        edit = accepted(place, np.random.default_rng([seed, number]))
        ended = run(["dvc", "repro"], place, environment)
        outcome, told = of_run(ended, place)
        yield Trial(KIND, number, outcome, f"{'.'.join(edit.path)} {edit.value!r:.80}: {told}")
        if outcome == "survived":
            shutil.rmtree(place)


def accepted(place: Path, random: np.random.Generator) -> Edit:
    """The first edit drawn that the check takes and that changes something, written down."""
    raw = read_yaml(place / "params.yaml")
    for _ in range(MOST_DRAWS):
        edited, edit = plausible(raw, random)
        if at(raw, edit.path) == edit.value:
            continue
        with (place / "params.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(edited, file)
        try:
            check_project(place)
        except ParamsError:
            continue
        return edit
    raise RuntimeError(f"of {MOST_DRAWS} edits none was accepted")


def of_run(ended: Ended, place: Path) -> tuple[Outcome, str]:
    """What came of it."""
    if "Traceback (most recent call last)" in ended.printed:
        return "lost", ended.printed[-900:]
    if ended.status < 0:
        return "lost", ended.printed[-300:]
    if left := half_written(place):
        return "lost", f"half-written: {left[:5]}"
    if not ended.status:
        return "survived", "results"
    if AT_THE_CHECK in ended.printed:
        return "survived", "refused at the check of a stage"
    return "survived", f"refused later: {_sentence(ended.printed)}"


def _sentence(printed: str) -> str:
    lines = [line for line in printed.splitlines() if line.strip()]
    failed = [i for i, line in enumerate(lines) if "failed to reproduce" in line]
    return " | ".join(lines[max(0, failed[0] - 2) : failed[0]] if failed else lines[-2:])[:400]
