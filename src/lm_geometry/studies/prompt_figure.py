"""A study's figure of prompts: which quantity, over what, a line for what."""

from typing import Literal

from pydantic import Field, model_validator

from lm_geometry.workspace.section import Section

Quantity = Literal["dimension", "overlap", "cosine", "angle", "reciprocity"]
AXES = {"dimension": "scale", "overlap": "k", "reciprocity": "k"}  # what they are measured at
USED = {
    "layers": {"quantity", "at", "banded", "series"},
    "scales": {"depths", "banded", "series"},
    "each": {"quantity", "at", "prompts"},
    "models": {"quantity", "at", "banded"},
    "correlations": {"at", "sizes", "methods", "given", "series"},
    "scatter": {"quantity", "at"},
}
COMMON = {"kind", "title", "only", "shuffles", "says"}


class PromptFigure(Section):
    """One figure of prompts."""

    kind: Literal["layers", "scales", "each", "models", "correlations", "scatter"] = Field(
        description="layers: one prompt and the mean with its spread over layers; scales: the same "
        "over GRIDE's scales at some layers; each: a panel for each of a few prompts; models: the "
        "experiments side by side, a line for each shuffle; correlations: with the loss, by layer; "
        "scatter: loss of each prompt at the layer of the largest correlation"
    )
    title: str = Field(description="what the figure answers")
    quantity: Quantity = Field("dimension", description="what is drawn")
    at: list[int] = Field(
        [2], description="scales of the dimension or k of overlaps, a row of panels each"
    )
    series: Literal["shuffle", "experiment", "checkpoint"] = Field(
        "shuffle", description="what has a line of its own"
    )
    only: list[str] = Field([], description="cases that are shown; empty: all")
    shuffles: list[int] = Field([], description="S that are shown; empty: all")
    banded: list[int] = Field(
        [], description="shuffles with a band of their spread; empty: the first and the last"
    )
    depths: list[float] = Field(
        [0.05, 0.2, 0.4, 0.6, 0.8, 1.0], description="scales: layers, as shares of the depth"
    )
    prompts: int = Field(6, gt=0, description="each: how many prompts")
    sizes: list[int] = Field([8], description="correlations: k of overlaps")
    methods: list[Literal["pearson", "pearson_log", "spearman"]] = Field(
        ["pearson", "spearman"], min_length=1, description="correlations: which"
    )
    given: list[Literal["tokens", "types"]] = Field(
        [], description="correlations: what is held fixed, beside those that hold nothing fixed"
    )
    says: str = Field("", description="a sentence below the title")

    @model_validator(mode="after")
    def _settings_belong_to_the_kind(self) -> "PromptFigure":
        if idle := sorted(self.model_fields_set - USED[self.kind] - COMMON):
            raise ValueError(f"{idle[0]} is not for kind {self.kind}: leave it out")
        if "at" in self.model_fields_set and self.axis is None:
            raise ValueError(f"at is not for {self.quantity}, which is one number: leave it out")
        if self.kind in ("each", "models", "scatter") and len(self.at) != 1:
            raise ValueError(f"at: {self.at} must be one scale or k for kind {self.kind}")
        return self

    @property
    def stem(self) -> str:
        """Its files' name, without a number where another has it as well."""
        own = [self.kind] if self.kind == "correlations" else [self.quantity, self.kind]
        return "_".join(["prompt", *own])

    @property
    def axis(self) -> str | None:
        """The column that `at` names values of."""
        return AXES.get(self.quantity)

    @property
    def words(self) -> str:
        """The quantity in the words of an axis, with its scale or k where that is one."""
        named = {
            "dimension": "GRIDE dimension",
            "overlap": "overlap with the next layer",
            "cosine": "mean cosine",
            "angle": "angle between the two nearest (degrees)",
            "reciprocity": "reciprocity",
        }[self.quantity]
        if self.axis is None or len(self.at) > 1:
            return named
        return f"{named}, {self.axis} {'= ' if self.axis == 'k' else ''}{self.at[0]}"
