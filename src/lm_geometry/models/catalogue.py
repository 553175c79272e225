"""catalogue/models.yaml: one entry per model alias."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from lm_geometry.workspace.section import ROOT, Section, read_yaml

ALIAS = re.compile(r"[a-z0-9-]+")


class ModelEntry(Section):
    """Where a model comes from, and the facts that are checked before anything is loaded."""

    source: str = Field(
        description="hub:ID[@revision], file:PATH, package:NAME==VERSION/PATH or kept:NAME; "
        "finetune.arithmetic for the model that is made there"
    )
    kind: Literal["encoder", "decoder", "encoder-decoder", "arithmetic"] = Field(
        description="masked or causal language model, one of both halves, or the one that learns "
        "equations from scratch"
    )
    layers: int | None = Field(
        None, gt=0, description="number of blocks; hidden states are 0 … layers"
    )
    width: int | None = Field(None, gt=0, description="coordinates of a hidden state")
    label: str = Field(description="name shown in figures")
    licence: str = Field(description="licence of the weights")
    note: str = Field("", description="what a user should know")

    @model_validator(mode="after")
    def _sizes_are_told_once(self) -> Self:
        for name in ("layers", "width"):
            if (getattr(self, name) is None) != (self.kind == "arithmetic"):
                right = "leave it to finetune.arithmetic" if self.layers else "is missing"
                raise ValueError(f"{name} of kind {self.kind}: {right}")
        return self


def read_models(root: Path = ROOT) -> dict[str, ModelEntry]:
    """Every entry of catalogue/models.yaml by alias; raises pydantic's ValidationError.

    None where the package is installed apart from a clone, and there is no catalogue.
    """
    if not (root / "catalogue").exists():
        return {}
    entries = read_yaml(root / "catalogue" / "models.yaml")
    return {alias: ModelEntry.model_validate(entry) for alias, entry in entries.items()}
