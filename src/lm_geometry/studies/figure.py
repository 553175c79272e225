"""One figure of a study: which numbers it shows over what."""

from typing import Literal

from pydantic import Field, model_validator

from lm_geometry.workspace.section import Section

AGAINST = ("course", "milestones", "score_correlations")  # kinds of figures: signals and a score
OVER_STEPS = ("curves", "leads", *AGAINST)
OF_CURVES = ("accuracy", "loss", "dimension", "weight_norm")
SPLITS = ("train", "validation", "test")
_AXES = {"value", "x", "x_title", "x_scale", "y_scale", "layers", "exclude"}
_CURVES = {"measures", "series"}
_AGAINST = {"against", "event"}
IDLE = {  # settings that a kind of figure has no use for
    "violins": {*_AXES, *_CURVES, *_AGAINST, "panels"},
    "lines": {*_CURVES, *_AGAINST},
    "boxes": {"value", "layers", *_CURVES, *_AGAINST},
    "curves": {*_AXES, *_AGAINST},
    "leads": {*_AXES, *_CURVES, *_AGAINST},
    "later_scores": {*_AXES, *_CURVES, *_AGAINST, "panels"},
    "course": {*_AXES, "series"},
    "milestones": {*_AXES, "series"},
    "score_correlations": {*_AXES, "series", "event"},
    "nulls": {"x", "x_title", "x_scale", "y_scale", "panels", *_CURVES, *_AGAINST},
}
OF_TABLES = ("layer", "n_neighbors", "step")  # axes that are no parameters; boxes have one of each
NAMED = {"hausdorff": "token_sample.noise"}  # parameters that an axis shows by another number


class Figure(Section):
    """One figure: which numbers it shows over what."""

    kind: Literal[
        "violins",
        "lines",
        "boxes",
        "curves",
        "leads",
        "later_scores",
        "course",
        "milestones",
        "score_correlations",
        "nulls",
    ] = Field(
        description="violins: tokens of base and fine-tuned; lines: means with intervals; boxes: "
        "one mean per draw of a cloud; curves: measures over the steps of training; leads: steps "
        "from the peak and fall of signals to a validation accuracy; later_scores: do changes of "
        "the dimension, and of the validation loss, go with later changes of a score; course: "
        "measures of every split over the steps, a row each; milestones: the step at which each "
        "had settled, or was least, beside that of a score; score_correlations: of each measure "
        "with scores over the steps, plainly and given the step; nulls: what was measured of one "
        "run, what each null model reads, and the remainder"
    )
    title: str = Field(description="what the figure answers")
    value: Literal["dimension", "change", "difference"] = Field(
        "dimension",
        description="lines, nulls: mean local dimension, its change since base, or that change "
        "minus the change on a control corpus",
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
        "shown", description="lines, nulls: the layer of aggregate.layer, or a panel for each"
    )
    measures: list[str] = Field(
        ["accuracy", "loss", "dimension"],
        min_length=1,
        description="curves, course, milestones, score_correlations: what is drawn, one below the "
        "other: dimension, a score, a signal of the cloud",
    )
    against: list[str] = Field(
        ["validation loss"],
        min_length=1,
        description="course, milestones, score_correlations: scores, as SPLIT SCORE; the event is "
        "that of the first",
    )
    event: Literal["exhausted", "overfitted"] = Field(
        "exhausted",
        description="course, milestones: where a curve had settled (stays within 5 % of its range, "
        "and its error, of its last value), or where it was least",
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
        if self.kind == "curves" and (wrong := sorted(set(self.measures) - set(OF_CURVES))):
            raise ValueError(
                f"measures: {wrong[0]} is not for kind curves, which draws {', '.join(OF_CURVES)}"
            )
        if wrong := [one for one in self.against if one.partition(" ")[0] not in SPLITS]:
            raise ValueError(
                f"against: {wrong[0]!r} does not begin with a split ({', '.join(SPLITS)}), as "
                "`validation loss` does"
            )
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
        if self.kind == "nulls":
            return f"nulls_{self.value}{reading}"
        return f"{self.value}_by_{self.x.rpartition('.')[2]}{boxes}{reading}"

    @property
    def columns(self) -> list[str]:
        """The parameters that the figure tells apart, on its axis and in its panels."""
        own = [] if self.x in OF_TABLES else [NAMED.get(self.x, self.x)]
        return list(dict.fromkeys([*own, *self.panels, *([self.series] if self.series else [])]))
