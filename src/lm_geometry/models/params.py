"""Section `model`: which model is studied."""

from typing import ClassVar, Literal

from pydantic import Field

from lm_geometry.workspace.section import Section


class Model(Section):
    """Which model is studied, and whether with its trained weights."""

    name_in_params: ClassVar[str] = "model"

    name: str = Field(
        "smollm2",
        description="alias of catalogue/models.yaml, hub:ID[@revision] or file:PATH",
    )
    weights: Literal["pretrained", "random"] = Field(
        "pretrained", description="trained weights, or an untrained control drawn from `seed`"
    )
