"""studies/NAME.yaml: one question, the experiments that answer it, and its figures."""

import os
from math import prod
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, model_validator

from lm_geometry.experiments.experiment import CASE, Overrides
from lm_geometry.params.explain import nearest, read_checked
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.workspace.section import ROOT, Section

FOLDER = ROOT / "studies"
RESULTS = FOLDER / "results"
DRAWN = "study.yaml"  # beside figures: the file that they were drawn by


class Kept(Section):
    """A checkpoint that is made a model of the catalogue before the experiments run."""

    step: int = Field(gt=0, description="optimiser step of the checkpoint")
    overrides: Overrides = Field(description="the experiment that makes it")


class Study(Section):
    """A named grid of experiments; the product of `cases` and `grid`, each on top of `fixed`."""

    question: str = Field(description="what the study answers, in one line")
    minutes: float = Field(gt=0, description="what it takes on two cores, when nothing is cached")
    gpu: bool = Field(
        False, description="a GPU is needed: `study --all` leaves it out where there is none"
    )
    fixed: Overrides = Field({}, description="overrides of params.yaml in every experiment")
    cases: dict[str, Overrides] = Field({}, description="overrides by the name of the case")
    grid: dict[str, list[Any]] = Field({}, description="every combination of these values")
    repeats: list[str] = Field(
        [], description="parameters whose values are runs of one thing, such as finetune.seed"
    )
    models: dict[str, Kept] = Field(
        {}, description="models made first, where the catalogue does not have them"
    )
    where_set: dict[str, dict[str, str]] = Field(
        {},
        description="names that replace others where this environment variable is set, such as "
        "corpora in a folder of one's own",
    )
    figures: list[Figure] = Field([], description="what is drawn at the end")
    prompt_figures: list[PromptFigure] = Field([], description="figures of prompts")
    _text: str = PrivateAttr("")

    @property
    def text(self) -> str:
        """The file that it was read from, comments and all; empty where there was none."""
        return self._text

    @model_validator(mode="after")
    def _axes_are_told(self) -> "Study":
        if not (self.figures or self.prompt_figures):
            raise ValueError("figures: a study has at least one, or one of prompt_figures")
        for name, values in self.grid.items():
            if not values:
                raise ValueError(f"grid.{name}: no values")
        for name in {name for figure in self.prompt_figures for name in figure.only}:
            if name not in self.cases:
                raise ValueError(f"only: {name} is no case{nearest(name, sorted(self.cases))}")
        varied = set(self.grid).union(*self.cases.values(), self.fixed)
        for name in [*self.repeats, *(c for figure in self.figures for c in figure.columns)]:
            if name not in varied | {CASE}:
                raise ValueError(
                    f"{name} is in no case, in the grid or in fixed{nearest(name, sorted(varied))}"
                )
        if any(figure.kind == "nulls" for figure in self.figures):
            self._has_one_run_with_null_models(varied)
        for case in self.cases:
            if not case or set(case) - set("abcdefghijklmnopqrstuvwxyz0123456789-."):
                raise ValueError(f"cases: {case!r}: a name has only a-z, 0-9, - and .")
        return self

    def _has_one_run_with_null_models(self, varied: set[str]) -> None:
        runs = max(len(self.cases), 1) * prod(len(values) for values in self.grid.values())
        if runs > 1:
            raise ValueError(f"figures: kind nulls shows one experiment; the study has {runs}")
        if "estimate.surrogates.kinds" not in varied:
            raise ValueError("figures: kind nulls needs estimate.surrogates.kinds in the study")

    def replaced(self, value: Any) -> Any:
        """`value` with the names that this machine's environment asks for."""
        if isinstance(value, list):
            return [self.replaced(item) for item in value]
        if isinstance(value, dict):
            return {key: self.replaced(item) for key, item in value.items()}
        for variable, names in self.where_set.items():
            if os.environ.get(variable) and isinstance(value, str):
                value = names.get(value, value)
        return value


def study_names(folder: Path = FOLDER) -> list[str]:
    """The names of all studies."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read_study(name: str, folder: Path = FOLDER) -> Study:
    """The study of that name; raises ValueError with a line for each thing that is wrong."""
    known = study_names(folder)
    if name not in known:
        raise ValueError(f"no study {name!r}{nearest(name, known)}")
    return _read(folder / f"{name}.yaml", f"studies/{name}.yaml")


def drawn_study(name: str, results: Path = RESULTS) -> Study | None:
    """The study of that name as it was when its figures were drawn, if that was kept.

    Raises ValueError as `read_study` does.
    """
    path = results / name / DRAWN
    return _read(path, f"studies/results/{name}/{DRAWN}") if path.exists() else None


def _read(path: Path, where: str) -> Study:
    """The study in a file that messages call `where`."""
    study = read_checked(path, Study, where)
    study._text = path.read_text(encoding="utf-8")
    return study
