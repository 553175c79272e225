"""studies/NAME.yaml: one question, the experiments that answer it, and its figures."""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from lm_geometry.experiments.experiment import CASE, Overrides
from lm_geometry.params.explain import nearest, read_checked
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.workspace.section import ROOT, Section

FOLDER = ROOT / "studies"
RESULTS = FOLDER / "results"
DRAWN = "study.yaml"  # beside figures: the file that they were drawn by

OVER_STEPS = ("curves", "leads")  # kinds of figures
_AXES = {"value", "x", "x_title", "x_scale", "y_scale", "layers", "exclude"}
_CURVES = {"measures", "series"}
IDLE = {  # settings that a kind of figure has no use for
    "violins": {*_AXES, *_CURVES, "panels"},
    "lines": _CURVES,
    "boxes": {"value", "layers", *_CURVES},
    "curves": _AXES,
    "leads": {*_AXES, *_CURVES},
    "later_scores": {*_AXES, *_CURVES, "panels"},
}
OF_TABLES = ("layer", "n_neighbors", "step")  # axes that are no parameters; boxes have one of each
NAMED = {"hausdorff": "token_sample.noise"}  # parameters that an axis shows by another number


class Figure(Section):
    """One figure: which numbers it shows over what."""

    kind: Literal["violins", "lines", "boxes", "curves", "leads", "later_scores"] = Field(
        description="violins: tokens of base and fine-tuned; lines: means with intervals; boxes: "
        "one mean per draw of a cloud; curves: measures over the steps of training; leads: steps "
        "from the peak and fall of signals to a validation accuracy; later_scores: do changes of "
        "the dimension, and of the validation loss, go with later changes of a score"
    )
    title: str = Field(description="what the figure answers")
    value: Literal["dimension", "change", "difference"] = Field(
        "dimension",
        description="lines: mean local dimension, its change since base, or that change minus the "
        "change on a control corpus",
    )
    x: str = Field(
        "layer",
        description="layer, n_neighbors, step, hausdorff, or a parameter of the grid; boxes: "
        "hausdorff or a parameter",
    )
    x_title: str = Field("", description="words at the axis; empty: the name of x")
    x_scale: Literal["linear", "log", "category"] = Field(
        "linear", description="the axis of x; boxes: category"
    )
    y_scale: Literal["shared", "own"] = Field(
        "shared", description="one axis of y for all panels, or one for each"
    )
    exclude: str = Field(
        "", description="the reading, such as none; empty: that of aggregate.exclude"
    )
    panels: list[str] = Field(
        [], description="a panel for each value of these parameters, or for each case"
    )
    layers: Literal["shown", "all"] = Field(
        "shown", description="lines: the layer of aggregate.layer, or a panel for each"
    )
    measures: list[Literal["accuracy", "loss", "dimension", "weight_norm"]] = Field(
        ["accuracy", "loss", "dimension"],
        min_length=1,
        description="curves: what is drawn, one below the other",
    )
    series: str = Field(
        "",
        description="curves: the parameter whose values are lines, training and validation side "
        "by side; empty: both in one panel",
    )
    says: str = Field("", description="a sentence below the title")

    @model_validator(mode="after")
    def _settings_belong_to_the_kind(self) -> "Figure":
        given = self.model_fields_set
        if wrong := sorted(IDLE[self.kind] & given):
            raise ValueError(f"{wrong[0]} is not for kind {self.kind}: leave it out")
        if self.kind == "boxes" and "x" in given and self.x in OF_TABLES:
            raise ValueError(
                f"x: {self.x} is not for kind boxes, which shows one layer, one L and one "
                "checkpoint beside base: name a parameter of the grid, or `case`"
            )
        if self.kind == "boxes" and "x_scale" in given and self.x_scale != "category":
            raise ValueError(
                f"x_scale: {self.x_scale} is not for kind boxes, whose axis has a place for each "
                "value: leave it out, or say category"
            )
        return self

    @property
    def stem(self) -> str:
        """Its files' name, without a number where another has it as well."""
        if self.kind in ("violins", "later_scores", *OVER_STEPS):
            return self.kind
        boxes = "_boxes" if self.kind == "boxes" else ""
        reading = f"_exclude_{self.exclude}" if self.exclude else ""
        return f"{self.value}_by_{self.x.rpartition('.')[2]}{boxes}{reading}"

    @property
    def columns(self) -> list[str]:
        """The parameters that the figure tells apart, on its axis and in its panels."""
        own = [] if self.x in OF_TABLES else [NAMED.get(self.x, self.x)]
        return list(dict.fromkeys([*own, *self.panels, *([self.series] if self.series else [])]))


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
        for case in self.cases:
            if not case or set(case) - set("abcdefghijklmnopqrstuvwxyz0123456789-."):
                raise ValueError(f"cases: {case!r}: a name has only a-z, 0-9, - and .")
        return self

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
